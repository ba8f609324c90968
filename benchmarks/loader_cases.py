"""What benchmarks.loader compares: this project's loader, and plain loops over the same bytes."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import boto3
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.loader_data import EXTENSION, SEED, Place, samples_of
from training_code.data.images import ImageShards
from training_code.data.loader import Loader
from training_code.data.order import SampleOrder
from training_code.data.source import Folder, Range, Source
from training_code.data.streaming import S3Source
from training_code.data.tokens import TokenShards
from training_code.data.windows import Windows

MICRO_BATCH = 8
Batches = Iterator[Tensor]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to load a split."""

    name: str
    load: Callable[[Place], Batches]
    """Endless micro-batches."""
    order: Literal["seed", "stored"] = "seed"
    """Cases of one order give the same micro-batches."""
    workers: int = 0
    delay: float | None = None
    """Seconds before S3 answers; None reads files."""


class Pictures:
    """Pictures, decoded."""

    def __init__(self, shards: ImageShards) -> None:
        self._shards = shards

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, index: int) -> Tensor:
        return _decoded(self._shards.read(index, EXTENSION))

    def ahead(self, indices: Sequence[int]) -> None:
        """Told of samples that will be read soon."""
        self._shards.ahead(indices, (EXTENSION,))


def _ours(place: Place, *, streamed: bool, workers: int) -> Batches:
    """The training loader on mapped files, or on a stream."""
    source: Source = Folder(place.folder)
    if streamed:
        # As training_code.data.source divides it.
        source = S3Source(place.uri, buffer_bytes=place.sizes.buffer_bytes // max(1, workers))
    if place.kind == "tokens":
        windows = Windows(TokenShards.open(source, verify=False), place.sizes.window)
        return Loader(windows, _order(len(windows)), workers=workers, micro_batch=MICRO_BATCH)
    pictures = Pictures(ImageShards.open(source, verify=False))
    return Loader(pictures, _order(len(pictures)), workers=workers, micro_batch=MICRO_BATCH)


def _in_turn(place: Place, fetch: Callable[[Place, str], bytes]) -> Batches:
    """Whole files, one after the other, cut into samples: no order by a seed."""
    held = lru_cache(maxsize=1)(partial(fetch, place))
    return _batched(
        place,
        (
            [memoryview(held(part.name))[part.start : part.start + part.length] for part in sample]
            for sample in itertools.cycle(samples_of(place))
        ),
    )


def _by_range(place: Place, fetch: Callable[[Place, Range], bytes]) -> Batches:
    """Sample by sample in the order of the seed."""
    samples = samples_of(place)
    order = _order(len(samples))
    numbers = (order.sample(position) for position in itertools.count())
    return _batched(place, ([fetch(place, part) for part in samples[number]] for number in numbers))


def _file(place: Place, name: str) -> bytes:
    return (place.folder / name).read_bytes()


def _file_range(place: Place, part: Range) -> bytes:
    stream = _opened(place.folder / part.name)
    stream.seek(part.start)
    return bytes(stream.read(part.length))


@lru_cache
def _opened(path: Any) -> Any:
    return path.open("rb")


def _object(place: Place, name: str) -> bytes:
    bucket, prefix = place.uri.removeprefix("s3://").split("/", 1)
    return bytes(_client().get_object(Bucket=bucket, Key=f"{prefix}/{name}")["Body"].read())


def _object_range(place: Place, part: Range) -> bytes:
    bucket, prefix = place.uri.removeprefix("s3://").split("/", 1)
    there = f"bytes={part.start}-{part.start + part.length - 1}"
    return bytes(_client().get_object(Bucket=bucket, Key=f"{prefix}/{part.name}", Range=there)["Body"].read())


@lru_cache
def _client() -> Any:
    return boto3.client("s3")


def _order(samples: int) -> SampleOrder:
    return SampleOrder(samples=samples, batch_size=MICRO_BATCH, rank=0, world_size=1, seed=SEED)


def _batched(place: Place, samples: Iterable[list[Any]]) -> Batches:
    make = _numbers if place.kind == "tokens" else _decoded
    tensors = (make(parts[0] if len(parts) == 1 else b"".join(parts)) for parts in samples)
    while True:
        yield torch.stack(list(itertools.islice(tensors, MICRO_BATCH)))


def _numbers(content: bytes | memoryview) -> Tensor:
    # torch's operations take int64, as training_code.data.windows gives it.
    return torch.from_numpy(np.frombuffer(content, np.uint16).astype(np.int64))


def _decoded(content: bytes | memoryview) -> Tensor:
    return torch.from_numpy(np.array(Image.open(io.BytesIO(content)).convert("RGB")))


FAR = 0.02
"""Seconds; S3's are 100 to 200 ms for small objects (Best practices design patterns: optimizing Amazon S3 performance,
S3 User Guide, read 2026-11), so this is kind to who waits for one answer after the other."""
FILE_LOOP, OBJECT_LOOP = "files: plain loop by range", "S3: boto3 loop by range"


def _of_files(workers: int) -> Case:
    return Case(name="files: ours, mapped", load=partial(_ours, streamed=False, workers=workers), workers=workers)


def _of_s3(delay: float) -> tuple[Case, ...]:
    return (
        Case(name="S3: boto3 loop, whole objects in turn", load=partial(_in_turn, fetch=_object), order="stored",
             delay=delay),
        Case(name=OBJECT_LOOP, load=partial(_by_range, fetch=_object_range), delay=delay),
        *(Case(name="S3: ours, streamed", load=partial(_ours, streamed=True, workers=workers), workers=workers,
               delay=delay) for workers in (0, 2)),
    )  # fmt: skip


CASES = (
    Case(name="files: plain loop, whole files in turn", load=partial(_in_turn, fetch=_file), order="stored"),
    Case(name=FILE_LOOP, load=partial(_by_range, fetch=_file_range)),
    *(_of_files(workers) for workers in (0, 2)), *_of_s3(0.0), *_of_s3(FAR),
)  # fmt: skip
