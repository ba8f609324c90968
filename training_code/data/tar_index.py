"""Where in tar files the members of samples lie."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml_contract.errors import reject
from training_code.data.split import Shard, write_manifest

KIND = "images"
INDEX = "samples.idx"
WAY_OUT = "Copy the file again, or leave it out of the folder."


def split_name(name: str) -> tuple[str, str]:
    """Key and extension of a member: its last part is cut at the first dot."""
    folder, slash, last = name.rpartition("/")
    key, _, extension = last.partition(".")
    return folder + slash + key, extension


def record_type(extensions: Sequence[str]) -> np.dtype[Any]:
    """A sample in the index: number of its shard, and place, size and CRC-32 of each member; offset 0 for none."""
    member = np.dtype([("offset", "<u8"), ("size", "<u8"), ("crc32", "<u4")])
    return np.dtype([("shard", "<u4"), *((extension, member) for extension in extensions)])


def adopt(folder: Path, source: Mapping[str, Any]) -> dict[str, Any]:
    """Make a split of the tar files in ``folder``: write index and manifest beside them, and return the manifest.

    Args:
        folder: Every ``*.tar`` in it becomes a shard, in the order of their names.
        source: Where the images came from, JSON values.

    Raises:
        ContractError: A file is no whole tar file, a shard holds a member twice, or there is no sample.
    """
    samples: dict[tuple[int, str], dict[str, tuple[int, int, int]]] = {}
    shards: list[Shard] = []
    for path in sorted(folder.glob("*.tar")):
        for name, place in _members(path):
            key, extension = split_name(name)
            members = samples.setdefault((len(shards), key), {})
            if extension in members:
                reject(str(path), name, "a sample has one member of each extension", "Give the sample another key.")
            members[extension] = place
        shards.append(Shard.of(path))
    if not samples:
        reject(str(folder), f"{len(shards)} tar files", "they must hold at least one sample", "Prepare more data.")
    extensions = sorted({extension for members in samples.values() for extension in members})
    records = np.zeros(len(samples), record_type(extensions))
    for record, ((shard, _), members) in zip(records, samples.items(), strict=True):
        record["shard"] = shard
        for extension, place in members.items():
            record[extension] = place
    index = Shard.write(folder / INDEX, records.tobytes())
    figures = {"samples": len(samples), "extensions": extensions}
    return write_manifest(folder, KIND, shards, index=index, figures=figures, source=source)


def _members(path: Path) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Name, offset, size and CRC-32 of every file in a tar file."""
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                stream = tar.extractfile(info)
                if stream is None:
                    continue
                content = stream.read()
                if len(content) != info.size:
                    raise tarfile.ReadError(f"unexpected end of data in {info.name}")
                yield info.name, (info.offset_data, info.size, zlib.crc32(content))
    except (tarfile.TarError, EOFError) as error:
        reject(str(path), f"{path.stat().st_size} bytes", f"they are no whole tar file ({error})", WAY_OUT)
