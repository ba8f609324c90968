"""Where the files of a split are read from, and the plainest such place: a folder."""

from __future__ import annotations

import abc
import hashlib
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Range(NamedTuple):
    """A part of a file."""

    name: str
    start: int
    """Byte."""
    length: int
    """Bytes."""


class Source(abc.ABC):
    """The files of one split, by name. It can be pickled: a worker process opens what it reads by itself."""

    place: str
    """Folder or URI, for messages."""

    def where(self, name: str) -> str:
        """Path or URI of a file, for messages."""
        return f"{self.place}/{name}"

    @abc.abstractmethod
    def sizes(self) -> Mapping[str, int]:
        """Bytes of every file that is there."""

    @abc.abstractmethod
    def load(self, name: str) -> bytes:
        """The whole of a small file. Raises FileNotFoundError where there is none."""

    @abc.abstractmethod
    def read(self, part: Range) -> memoryview:
        """The bytes of a part, which lies within the file; valid for as long as it is held."""

    @abc.abstractmethod
    def damaged(self, name: str, sha256: str, /) -> str | None:
        """The digest that a file has instead of ``sha256``; None where they agree, or where only reading tells."""

    def expect(self, files: Mapping[str, tuple[int, str]]) -> None:  # noqa: B027
        """Told once what is going to be read: size in bytes and SHA-256 by name."""

    def ahead(self, parts: Sequence[Range]) -> None:  # noqa: B027
        """Told of parts that will be read soon, in that order."""


class Folder(Source):
    """Files of a folder, mapped into memory: any part is read without reading the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, str(folder)
        self._maps: dict[str, memoryview] = {}

    def sizes(self) -> Mapping[str, int]:
        if not self.folder.is_dir():
            return {}
        return {path.name: path.stat().st_size for path in self.folder.iterdir() if path.is_file()}

    def load(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def read(self, part: Range) -> memoryview:
        if part.length == 0:
            return memoryview(b"")
        if part.name not in self._maps:
            with (self.folder / part.name).open("rb") as stream:
                self._maps[part.name] = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        return self._maps[part.name][part.start : part.start + part.length]

    def damaged(self, name: str, sha256: str, /) -> str | None:
        with (self.folder / name).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        return found if found != sha256 else None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}


def source_of(place: Path | Source) -> Source:
    """``place`` itself, or the folder as a source."""
    return place if isinstance(place, Source) else Folder(place)
