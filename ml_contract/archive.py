"""model.tar.gz: written so that equal content gives equal bytes, read so that nothing leaves the folder."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from ml_contract.errors import reject


def pack(folder: Path, archive: Path) -> None:
    """Write every file below ``folder`` to ``archive``, a tar.gz.

    Order, owners, modes and times do not depend on the machine, so equal files give an equal archive.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack ``archive``, a tar.gz, into ``folder``, which need not exist.

    Raises:
        ContractError: It is missing, damaged or cut off, or a member would leave the folder or is no plain file.
    """
    name = archive.name
    if not archive.is_file():
        reject(name, None, "the archive is missing", f"Put {name} into {archive.parent}.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, mode="r:gz") as tar:
            for member in tar:
                _place(tar, member, folder, name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        reject(name, f"{archive.stat().st_size} bytes", f"it is no complete tar.gz ({error or 'end of file'})",
               "Fetch the archive again, or make it again.")  # fmt: skip


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, name: str) -> None:
    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts or "\0" in member.name:
        reject(f"{name} member", member.name, "a path stays inside the archive", "Make the archive again.")
    target = folder.joinpath(*parts)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if not member.isreg():
        reject(f"{name} member", member.name, "only files and folders are unpacked, no links and no devices",
               "Store the linked file itself, for example with tar --dereference.")  # fmt: skip
    if not parts or target.is_dir():
        reject(f"{name} member", member.name, "a file and a folder have the same name", "Make the archive again.")
    content = tar.extractfile(member)
    assert content is not None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            shutil.copyfileobj(content, out, 1 << 20)
    except (FileExistsError, NotADirectoryError):
        reject(f"{name} member", member.name, "a file and a folder have the same name", "Make the archive again.")
