"""Shards: a split of a data set as files of bytes, with a manifest that says what they must be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_contract.errors import reject

MANIFEST = "manifest.json"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a split."""

    name: str
    size: int
    """Bytes."""
    sha256: str
    """Digest of the content, hexadecimal."""


class ShardWriter:
    """Cuts a stream of bytes into files of equal size; the last one is shorter."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self._folder, self._shard_bytes = folder, shard_bytes
        self._pending = bytearray()
        self._shards: list[Shard] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return sum(shard.size for shard in self._shards) + len(self._pending)

    def write(self, data: bytes) -> None:
        """Append to the stream."""
        self._pending += data
        while len(self._pending) >= self._shard_bytes:
            self._cut(self._shard_bytes)

    def close(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Write what is left and the manifest, and return the manifest.

        Args:
            source: Where the text came from, JSON values.
        """
        if self._pending:
            self._cut(len(self._pending))
        manifest = {
            "version": VERSION,
            "bytes": self.size,
            "files": {shard.name: {"size": shard.size, "sha256": shard.sha256} for shard in self._shards},
            "source": dict(source),
        }
        (self._folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        return manifest

    def _cut(self, size: int) -> None:
        content = bytes(self._pending[:size])
        del self._pending[:size]
        name = f"shard-{len(self._shards):05d}.bin"
        (self._folder / name).write_bytes(content)
        self._shards.append(Shard(name=name, size=size, sha256=hashlib.sha256(content).hexdigest()))


class ByteShards:
    """The bytes of a split, mapped into memory: any part is read without reading the rest."""

    def __init__(self, folder: Path, shards: Iterable[Shard]) -> None:
        self.folder, self.shards = folder, tuple(shards)
        self._starts = np.cumsum([0, *(shard.size for shard in self.shards)])
        self._maps: list[npt.NDArray[np.uint8]] = []

    @classmethod
    def open(cls, folder: Path, *, verify: bool = True) -> ByteShards:
        """Open the split in ``folder``.

        Args:
            folder: Where manifest.json and the shards lie.
            verify: Hold every shard's content against its digest; sizes are always checked.

        Raises:
            ContractError: The manifest is missing or no manifest, or a shard is missing or damaged.
        """
        path = folder / MANIFEST
        try:
            raw = json.loads(path.read_text())
            if raw["version"] != VERSION:
                raise ValueError(f"version {raw['version']}, not {VERSION}")
            shards = [Shard(name=Path(name).name, **entry) for name, entry in sorted(raw["files"].items())]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reject(str(path), f"{type(error).__name__}: {error}", "shards come with a manifest of version 1",
                   "Prepare the data again, and name the folder of one split.")  # fmt: skip
        found = cls(folder, shards)
        for shard in shards:
            found._check(shard, verify)
        return found

    def _check(self, shard: Shard, verify: bool) -> None:
        path = self.folder / shard.name
        way_out = "Copy the data set again, or prepare it again."
        if not path.is_file():
            reject(f"shard {shard.name}", None, f"{self.folder / MANIFEST} names it and it is missing", way_out)
        if (size := path.stat().st_size) != shard.size:
            reject(f"shard {shard.name}", f"{size} bytes", f"the manifest says {shard.size} bytes", way_out)
        if verify:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != shard.sha256:
                reject(f"shard {shard.name}", f"sha256 {digest}", f"the manifest says {shard.sha256}: it is damaged",
                       way_out)  # fmt: skip

    @property
    def digest(self) -> str:
        """One digest for all content, in order: what a resumed run must find unchanged."""
        return hashlib.sha256("".join(shard.sha256 for shard in self.shards).encode()).hexdigest()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, length: int) -> npt.NDArray[np.uint8]:
        """A copy of bytes ``start … start + length``, uint8 of shape [length]; it may span shards."""
        assert 0 <= start <= start + length <= len(self), (start, length, len(self))
        if not self._maps:
            self._maps = [np.memmap(self.folder / shard.name, np.uint8, "r", shape=shard.size) for shard in self.shards]
        found = np.empty(length, np.uint8)
        index = int(np.searchsorted(self._starts, start, side="right")) - 1
        done = 0
        while done < length:
            offset = start + done - int(self._starts[index])
            part = self._maps[index][offset : offset + length - done]
            found[done : done + len(part)] = part
            done += len(part)
            index += 1
        return found

    def __getstate__(self) -> dict[str, Any]:
        # A worker process maps the files itself: pickling a map would copy its content.
        return {**self.__dict__, "_maps": []}
