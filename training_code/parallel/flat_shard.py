"""A rank's stretch of a flattened tensor, which checkpoints store and load as part of a tensor of its true shape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, MetadataIndex, TensorProperties
from torch.distributed.checkpoint.planner import TensorWriteData, WriteItem, WriteItemType

Box = tuple[tuple[int, ...], tuple[int, ...]]
"""(offsets, sizes)."""


def boxes(shape: Sequence[int], start: int, stop: int) -> Iterator[Box]:
    """Elements ``start`` to ``stop`` of a row-major tensor as boxes in their order: at most ``2 * ndim - 1``.

    A stretch is the rest of a row, whole rows, and the beginning of a row; and so on inside the two partial rows.
    """
    if start >= stop:
        return
    if not shape:
        yield (), ()
        return
    row = math.prod(shape[1:])
    first, last = start // row, (stop - 1) // row
    if first == last and (start % row or stop % row):
        for offsets, sizes in boxes(shape[1:], start - first * row, stop - first * row):
            yield (first, *offsets), (1, *sizes)
        return
    whole, end = -(-start // row), stop // row
    if start % row:
        yield from boxes(shape, start, whole * row)
    if end > whole:
        yield (whole, *(0 for _ in shape[1:])), (end - whole, *shape[1:])
    if stop % row:
        yield from boxes(shape, end * row, stop)


class FlatShard(Tensor):
    """A tensor of which this rank holds the elements from ``start``, in row-major order: all of ``flat``.

    It has the shape of the whole, and no elements but those of ``flat``, of which it is a view: what is loaded goes
    there. torch.distributed.checkpoint asks any object with the three methods below for its parts
    (``torch.distributed._checkpointable``), so that any world size and any strategy can load what it wrote.
    """

    flat: Tensor
    start: int

    @staticmethod
    def __new__(cls, flat: Tensor, *, start: int, shape: Sequence[int]) -> FlatShard:  # noqa: PYI034
        found: FlatShard = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, torch.Size(shape), dtype=flat.dtype, device=flat.device, requires_grad=False
        )
        found.flat, found.start = flat.detach(), start
        return found

    def to_local(self) -> Tensor:
        """The elements that this rank holds, shape ``(n,)``."""
        return self.flat

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, function: Any, types: Any, args: Sequence[Any] = (), options: Any = None
    ) -> Any:
        shard = args[0]
        if function is torch.ops.aten.new_empty.default:
            # What copies a state first makes an empty one, and then copies the attributes.
            device = (options or {}).get("device", shard.device)
            return cls(torch.empty_like(shard.flat, device=device), start=shard.start, shape=shard.shape)
        if function is torch.ops.aten.detach.default:
            return cls(shard.flat, start=shard.start, shape=shard.shape)
        raise NotImplementedError(f"{function} of a FlatShard: a rank has only a part of it")

    def __repr__(self) -> str:  # type: ignore[override]
        return f"FlatShard({self.flat.numel()} from {self.start} of {list(self.shape)}, {self.dtype})"

    def _chunks(self) -> list[ChunkStorageMetadata]:
        return [
            ChunkStorageMetadata(offsets=torch.Size(offsets), sizes=torch.Size(sizes))
            for offsets, sizes in boxes(self.shape, self.start, self.start + self.flat.numel())
        ]

    def __create_write_items__(self, name: str, _: object) -> list[WriteItem]:
        properties = TensorProperties(dtype=self.dtype)
        return [
            WriteItem(
                index=MetadataIndex(name, chunk.offsets),
                type=WriteItemType.SHARD,
                tensor_data=TensorWriteData(chunk=chunk, properties=properties, size=self.shape),
            )
            for chunk in self._chunks()
        ]

    def __create_chunk_list__(self) -> list[ChunkStorageMetadata]:
        return self._chunks()

    def __get_tensor_shard__(self, index: MetadataIndex) -> Tensor:
        passed = 0
        for chunk in self._chunks():
            if chunk.offsets == index.offset:
                return self.flat[passed : passed + chunk.sizes.numel()].view(chunk.sizes)
            passed += chunk.sizes.numel()
        raise ValueError(f"{index.fqn}: no part of this rank begins at {index.offset}")
