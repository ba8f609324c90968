"""Images as tar shards in webdataset's layout, with an index by which any sample is read without the rest.

Members of one sample follow one another and share a key, the path up to the first dot of its last part: ``a/7.jpg``,
``a/7.json``, ``a/7.txt``. Any tar tool reads and writes such shards; :func:`adopt` makes a split of them.
"""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml_contract.errors import reject
from training_code.data.source import Range, Source
from training_code.data.split import WAY_OUT, Shard, Split, room
from training_code.data.tar_index import INDEX, KIND, adopt, record_type, split_name

EXTENSIONS = frozenset({"jpg", "jpeg", "png", "webp"})
"""Members that :meth:`ImageWriter.add` decodes once, so that a broken image is found before it is stored."""


class ImageWriter:
    """Writes samples into tar files of about equal size."""

    def __init__(self, folder: Path, *, shard_bytes: int = 64 * 2**20) -> None:
        """
        Args:
            folder: Of the split; made where it is missing.
            shard_bytes: A shard ends with the first sample that reaches it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._shard_bytes = folder, shard_bytes
        self._tar: tarfile.TarFile | None = None
        self._shards = 0

    def add(self, key: str, members: Mapping[str, bytes | str | Mapping[str, Any]]) -> None:
        """Append a sample.

        Args:
            key: Path of the sample, no dot in its last part; no other sample has it.
            members: Content by extension; text becomes UTF-8, a mapping JSON.

        Raises:
            ContractError: An image among them cannot be decoded, or the key holds a dot.
        """
        if "." in key.rsplit("/", 1)[-1] or not key:
            reject("key", key, "its last part must not be empty or hold a dot, which starts the extension",
                   "Replace the dot.")  # fmt: skip
        contents = {extension: _bytes(member) for extension, member in members.items()}
        for extension, content in contents.items():
            if extension in EXTENSIONS:
                decode(content, f"image {key}.{extension}", "Leave it out, or replace the file.")
        if self._tar is None:
            path = self._folder / f"shard-{self._shards:05d}.tar"
            self._tar, self._shards = tarfile.open(path, "w", format=tarfile.PAX_FORMAT), self._shards + 1  # noqa: SIM115
        for extension, content in contents.items():
            info = tarfile.TarInfo(f"{key}.{extension}")
            info.size = len(content)
            with room(Path(str(self._tar.name))):
                self._tar.addfile(info, io.BytesIO(content))
        if self._tar.offset >= self._shard_bytes:
            self._cut()

    def close(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Write index and manifest, and return the manifest.

        Args:
            source: Where the images came from, JSON values.
        """
        self._cut()
        return adopt(self._folder, source)

    def _cut(self) -> None:
        if self._tar is not None:
            with room(Path(str(self._tar.name))):
                self._tar.close()
            self._tar = None


class ImageShards:
    """The samples of a split by number, in the order in which they were written."""

    def __init__(self, split: Split) -> None:
        self.split = split

    @classmethod
    def open(cls, place: Path | Source, *, verify: bool = True) -> ImageShards:
        """Open the split in ``place``, a folder or a source; see :meth:`Split.open`.

        Raises:
            ContractError: Manifest, index or a shard is missing or damaged.
        """
        split = Split.open(place, KIND, verify=verify)
        found = cls(split)
        if split.index is None or split.index.size != split.manifest["samples"] * found._record.itemsize:
            reject(split.source.where(INDEX), split.index, "the index has one record a sample", WAY_OUT)
        return found

    @property
    def shards(self) -> tuple[Shard, ...]:
        return self.split.shards

    @property
    def digest(self) -> str:
        """One digest for all content, in order: what a resumed run must find unchanged."""
        return self.split.digest

    @property
    def extensions(self) -> tuple[str, ...]:
        """Of all members; a sample may lack some."""
        return tuple(self.split.manifest["extensions"])

    def __len__(self) -> int:
        return int(self.split.manifest["samples"])

    def read(self, number: int, extension: str) -> bytes:
        """Content of a member.

        Raises:
            ContractError: The sample has none of that extension, or its content is damaged.
        """
        part, crc = self._part(number, extension)
        content = bytes(self.split.source.read(part))
        if zlib.crc32(content) != crc:
            reject(f"shard {part.name}", f"member {self.key(number)}.{extension}",
                   f"its {part.length} bytes have not the index's CRC-32: it is damaged", WAY_OUT)  # fmt: skip
        return content

    def image(self, number: int, extension: str = "jpg") -> Image.Image:
        """A sample's image, decoded and in RGB.

        Raises:
            ContractError: There is none, or it cannot be decoded, one truncated when it was stored among them.
        """
        shard = self._part(number, extension)[0].name
        field = f"shard {shard}: member {self.key(number)}.{extension}"
        return decode(self.read(number, extension), field, "Replace the image and write the shards again.")

    def text(self, number: int, extension: str = "txt") -> str:
        """A member as text."""
        return self.read(number, extension).decode()

    def json(self, number: int, extension: str = "json") -> Any:
        """A member as JSON."""
        return json.loads(self.read(number, extension))

    def key(self, number: int) -> str:
        """Path that the sample's members share; what a header of 100 bytes holds of it."""
        record = self._records[number]
        start = min(int(record[extension]["offset"]) for extension in self.extensions if record[extension]["offset"])
        header = self.split.source.read(Range(self._shard(record).name, start - tarfile.BLOCKSIZE, 100))
        return split_name(bytes(header).split(b"\0")[0].decode(errors="replace"))[0]

    def ahead(self, numbers: Sequence[int], extensions: Sequence[str] = ("jpg",)) -> None:
        """Told of samples of which these members will be read soon, in that order."""
        parts = []
        for number in numbers:
            record = self._records[number]
            parts += [self._range(record, name) for name in extensions if record[name]["offset"]]
        self.split.source.ahead(parts)

    def _part(self, number: int, extension: str) -> tuple[Range, int]:
        assert 0 <= number < len(self), (number, len(self))
        record = self._records[number]
        if extension not in self.extensions or not record[extension]["offset"]:
            reject(f"shard {self._shard(record).name}", f"sample {self.key(number)}",
                   f"it has no member .{extension}", "Name another extension, or prepare the data again.")  # fmt: skip
        return self._range(record, extension), int(record[extension]["crc32"])

    def _range(self, record: Any, extension: str) -> Range:
        return Range(self._shard(record).name, int(record[extension]["offset"]), int(record[extension]["size"]))

    def _shard(self, record: Any) -> Shard:
        return self.split.shards[int(record["shard"])]

    @property
    def _record(self) -> np.dtype[Any]:
        return record_type(self.extensions)

    @cached_property
    def _records(self) -> npt.NDArray[Any]:
        assert self.split.index is not None
        return np.frombuffer(self.split.source.read(Range(INDEX, 0, self.split.index.size)), self._record)

    def __getstate__(self) -> dict[str, Any]:
        # A worker process maps the index itself.
        return {name: value for name, value in self.__dict__.items() if name != "_records"}


def decode(content: bytes, field: str, way_out: str) -> Image.Image:
    """An image in RGB out of a file's content.

    Raises:
        ContractError: It is truncated, or no image; ``field`` and ``way_out`` are the error's.
    """
    try:
        return Image.open(io.BytesIO(content)).convert("RGB")
    # Pillow's decoders raise all of these for broken files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reject(field, f"{len(content)} bytes", f"they are no whole image ({type(error).__name__}: {error})", way_out)


def _bytes(member: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(member, bytes):
        return member
    return (member if isinstance(member, str) else json.dumps(member, sort_keys=True)).encode()
