"""The splits that benchmarks.loader reads: random tokens, and JPEGs in tar files."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from training_code.data.images import ImageWriter
from training_code.data.source import Range
from training_code.data.tokens import TokenWriter

EXTENSION = "jpg"
SEED = 5
Kind = Literal["tokens", "images"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is read."""

    split_bytes: int = 64 * 2**20
    """Of each split, about."""
    shard_bytes: int = 16 * 2**20
    window: int = 4096
    """Tokens of a sample, of two bytes each."""
    side: int = 192
    """Pixels of a picture's side."""
    buffer_bytes: int = 16 * 2**20
    """What a stream may buffer: the least that ``Loading.buffer_mib`` allows."""
    seconds: float = 0.5
    """Time that a case is measured for."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a split lies, twice."""

    kind: Kind
    folder: Path
    uri: str
    """The same files in S3."""
    sizes: Sizes


def write_tokens(folder: Path, sizes: Sizes) -> None:
    """A split of random tokens."""
    writer = TokenWriter(folder, dtype="uint16", shard_tokens=sizes.shard_bytes // 2)
    writer.write(np.random.default_rng(SEED).integers(0, 2**16, sizes.split_bytes // 2, dtype=np.uint16))
    writer.close({"name": "random"})


def write_images(folder: Path, sizes: Sizes) -> None:
    """A split of noise; the same few pictures again and again, as making them takes longer than reading them."""
    pictures = []
    for number in range(16):
        pixels = np.random.default_rng([SEED, number]).integers(0, 256, (sizes.side, sizes.side, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=90)
        pictures.append(stream.getvalue())
    writer, size = ImageWriter(folder, shard_bytes=sizes.shard_bytes), 0
    for number, picture in enumerate(itertools.cycle(pictures)):
        if size >= sizes.split_bytes:
            break
        writer.add(f"{number:06d}", {EXTENSION: picture, "json": {"label": number}})
        size += len(picture)
    writer.close({"name": "noise"})


WRITERS: dict[Kind, Callable[[Path, Sizes], None]] = {"tokens": write_tokens, "images": write_images}


def samples_of(place: Place) -> list[list[Range]]:
    """The parts that each sample consists of, found without this project's readers."""
    return _pictures(place.folder) if place.kind == "images" else _windows(place.folder, 2 * place.sizes.window)


def _pictures(folder: Path) -> list[list[Range]]:
    found = []
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            members = [member for member in tar if member.name.endswith(EXTENSION)]
        found += [[Range(path.name, member.offset_data, member.size)] for member in members]
    return found


def _windows(folder: Path, size: int) -> list[list[Range]]:
    shards = sorted(folder.glob("*.bin"))
    shard, total = shards[0].stat().st_size, sum(path.stat().st_size for path in shards)
    found = []
    # A window's targets reach one token of two bytes further, which may lie in the next file.
    for start in range(0, total - size - 1, size):
        parts, end = [], start + size + 2
        while start < end:
            number, offset = divmod(start, shard)
            length = min(shard - offset, end - start)
            parts.append(Range(shards[number].name, offset, length))
            start += length
        found.append(parts)
    return found
