"""Tokenised text as shards of little-endian integers, with an index of where documents start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_contract.errors import reject
from training_code.data.source import Range, Source
from training_code.data.split import WAY_OUT, Shard, Split, write_manifest

KIND = "tokens"
INDEX = "documents.idx"
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ("uint8", "uint16", "uint32")}
"""What a token may be stored as: the smallest that holds the vocabulary."""

Tokens = npt.NDArray[np.unsignedinteger[Any]]


class TokenWriter:
    """Cuts a stream of tokens into files of equal size; the last one is shorter."""

    def __init__(self, folder: Path, *, dtype: str, shard_tokens: int) -> None:
        """
        Args:
            folder: Of the split; made where it is missing.
            dtype: uint8, uint16 or uint32.
            shard_tokens: Tokens of a file.

        Raises:
            ContractError: Another dtype.
        """
        self.dtype = _dtype(dtype)
        self._folder, self._shard_bytes = folder, shard_tokens * self.dtype.itemsize
        self._pending = bytearray()
        self._shards: list[Shard] = []
        self._starts: list[int] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def size(self) -> int:
        """Tokens so far."""
        return (sum(shard.size for shard in self._shards) + len(self._pending)) // self.dtype.itemsize

    def begin(self) -> None:
        """The next token starts a document."""
        self._starts.append(self.size)

    def write(self, tokens: npt.ArrayLike | bytes) -> None:
        """Append to the stream; of bytes, each is a token. Raises ContractError for one that the dtype cannot hold."""
        given = np.frombuffer(tokens, np.uint8) if isinstance(tokens, bytes) else np.asarray(tokens)
        if given.size and (given.min() < 0 or given.max() > np.iinfo(self.dtype).max):
            reject("tokens", f"{given.min()} to {given.max()}", f"{self.dtype.name} holds 0 to"
                   f" {np.iinfo(self.dtype).max}", "Take a wider dtype.")  # fmt: skip
        self._pending += given.astype(self.dtype).tobytes()
        while len(self._pending) >= self._shard_bytes:
            self._cut(self._shard_bytes)

    def close(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Write what is left and the manifest, and return the manifest.

        Args:
            source: Where the text came from, JSON values.
        """
        size = self.size
        if self._pending:
            self._cut(len(self._pending))
        starts = np.array(self._starts, dtype="<u8")
        index = Shard.write(self._folder / INDEX, starts.tobytes()) if self._starts else None
        figures = {"dtype": self.dtype.name, "tokens": size, "bytes": size * self.dtype.itemsize,
                   "documents": len(starts)}  # fmt: skip
        return write_manifest(self._folder, KIND, self._shards, index=index, figures=figures, source=source)

    def _cut(self, size: int) -> None:
        path = self._folder / f"shard-{len(self._shards):05d}.bin"
        self._shards.append(Shard.write(path, bytes(self._pending[:size])))
        del self._pending[:size]


class TokenShards:
    """The tokens of a split as one sequence: any part is read without reading the rest."""

    def __init__(self, split: Split, dtype: np.dtype[Any]) -> None:
        self.split, self.dtype = split, dtype
        self._starts = np.cumsum([0, *(shard.size // dtype.itemsize for shard in split.shards)])

    @classmethod
    def open(cls, place: Path | Source, *, verify: bool = True) -> TokenShards:
        """Open the split in ``place``, a folder or a source; see :meth:`Split.open`.

        Raises:
            ContractError: The manifest is missing or no manifest, or a shard is missing or damaged.
        """
        split = Split.open(place, KIND, verify=verify)
        dtype = _dtype(split.manifest.get("dtype", "uint8"))
        for shard in split.shards:
            if shard.size % dtype.itemsize:
                reject(f"shard {shard.name}", f"{shard.size} bytes", f"a token has {dtype.itemsize} bytes", WAY_OUT)
        return cls(split, dtype)

    @property
    def shards(self) -> tuple[Shard, ...]:
        return self.split.shards

    @property
    def digest(self) -> str:
        """One digest for all content, in order: what a resumed run must find unchanged."""
        return self.split.digest

    @cached_property
    def documents(self) -> npt.NDArray[np.uint64]:
        """Positions at which documents start, ascending, of shape [documents]; empty where nobody noted them."""
        index = self.split.index
        if index is None:
            return np.empty(0, np.uint64)
        return np.frombuffer(self.split.source.read(Range(index.name, 0, index.size)), "<u8")

    def document(self, number: int) -> Tokens:
        """A copy of one document's tokens."""
        assert 0 <= number < len(self.documents), (number, len(self.documents))
        start = int(self.documents[number])
        end = int(self.documents[number + 1]) if number + 1 < len(self.documents) else len(self)
        return self.read(start, end - start)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, length: int) -> Tokens:
        """A copy of tokens ``start … start + length``, of the split's dtype and shape [length]; it may span shards."""
        parts = [np.frombuffer(self.split.source.read(part), self.dtype) for part in self._parts(start, length)]
        return np.concatenate(parts) if parts else np.empty(0, self.dtype)

    def ahead(self, spans: Sequence[tuple[int, int]]) -> None:
        """Told of (start, length) pairs that will be read soon, in that order."""
        self.split.source.ahead([part for start, length in spans for part in self._parts(start, length)])

    def _parts(self, start: int, length: int) -> Iterator[Range]:
        assert 0 <= start <= start + length <= len(self), (start, length, len(self))
        index = int(np.searchsorted(self._starts, start, side="right")) - 1
        size = self.dtype.itemsize
        while length > 0:
            offset = start - int(self._starts[index])
            taken = min(length, int(self._starts[index + 1]) - start)
            yield Range(self.split.shards[index].name, offset * size, taken * size)
            start, length, index = start + taken, length - taken, index + 1

    def __getstate__(self) -> dict[str, Any]:
        # A worker process maps the index itself.
        return {name: value for name, value in self.__dict__.items() if name != "documents"}


def _dtype(name: str) -> np.dtype[Any]:
    if name not in DTYPES:
        reject("dtype", name, f"a token is stored as {', '.join(DTYPES)}", "Give one of them.")
    return DTYPES[name]
