"""What a training job leaves behind: model.tar.gz and output.tar.gz, or the plain files."""

import gzip
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from trainyard.local.jobs.hosts import Hosts
from trainyard.local.transfer import Location, Transfer


def upload_artifacts(
    transfer: Transfer, group: Hosts, config: Mapping[str, str], job: str, *, model: bool
) -> str | None:
    """Uploads the hosts' output and, with `model`, their model; returns where the model is.

    Files of several hosts become one archive; where names meet, the first host's file stays.

    Args:
        transfer: transfers with the job's role and key.
        group: the hosts, whose programs have ended.
        config: the job's OutputDataConfig.
        job: name of the job.
        model: whether there is a model to upload.

    Raises:
        TransferError: S3 cannot be written.
    """
    target = Location.parse(config["S3OutputPath"]) / job / "output"
    folders = [group.folder(host) for host in range(len(group.names))]

    def upload(kind: str, sources: list[Path]) -> str:
        if config["CompressionType"] == "NONE":
            for source in reversed(sources):
                transfer.upload_tree(source, target / kind)
            return f"{target / kind}/"
        archive = group.root / f"{kind}.tar.gz"
        pack(sources, archive)
        transfer.upload(archive, target / archive.name)
        return str(target / archive.name)

    output = [folder / "output" / "data" for folder in folders]
    if any(file.is_file() for folder in output for file in folder.rglob("*")):
        upload("output", output)
    return upload("model", [folder / "model" for folder in folders]) if model else None


def pack(folders: Iterable[Path], archive: Path) -> int:
    """Packs the files of several folders into one tar.gz that depends on names and contents alone; returns how many.

    Where two folders hold a file of the same name, the first wins.
    """
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.is_file() or file.is_symlink():
                files.setdefault(file.relative_to(folder).as_posix(), file)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files):
            tar.add(files[name], arcname=name, recursive=False, filter=_anonymous)
    return len(files)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
