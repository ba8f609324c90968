"""DeepSpeed's async_io in Python: what its operator does by libaio, done by plain reads and writes.

The operator is C++ that compiles for minutes. This has its handle's methods (``csrc/aio/py_lib/py_ds_aio.cpp``, 0.19.8)
and is stricter: nothing that was asked for asynchronously happens before ``wait``, and a buffer that is being read into
holds no numbers until then.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor


class Handle:
    """``aio_handle``."""

    pinned: dict[int, Tensor] = {}  # noqa: RUF012  (of the process, as DeepSpeed's)
    """Buffers by their address."""
    moved = {"read": 0, "written": 0}  # noqa: RUF012
    """Bytes so far, of all handles."""

    def __init__(self, block_size: int, queue_depth: int, single_submit: bool, overlap_events: bool,
                 intra_op_parallelism: int) -> None:  # fmt: skip
        self._pending: list[Callable[[], None]] = []

    def new_cpu_locked_tensor(self, count: int, example: Tensor) -> Tensor:
        found = torch.full((count,), math.nan, dtype=example.dtype)
        Handle.pinned[found.data_ptr()] = found
        return found

    def free_cpu_locked_tensor(self, tensor: Tensor) -> bool:
        return Handle.pinned.pop(tensor.data_ptr(), None) is not None

    def is_pinned(self, tensor: Tensor) -> bool:
        begin, end = tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes
        return any(at <= begin and end <= at + each.nbytes for at, each in Handle.pinned.items())

    def async_pread(self, buffer: Tensor, path: str, offset: int = 0) -> int:
        if Path(path).stat().st_size < offset + buffer.nbytes:
            return -1
        buffer.fill_(math.nan)
        self._pending.append(lambda: self._read(buffer, path, offset))
        return 0

    def async_pwrite(self, buffer: Tensor, path: str, offset: int = 0) -> int:
        self._pending.append(lambda: self._write(buffer, path, offset))
        return 0

    def wait(self) -> int:
        assert self._pending, "the operator waits for ever"
        done = len(self._pending)
        for work in self._pending:
            work()
        self._pending = []
        return done

    def _read(self, buffer: Tensor, path: str, offset: int) -> None:
        with Path(path).open("rb") as stream:
            stream.seek(offset)
            assert stream.readinto(_bytes(buffer)) == buffer.nbytes
        Handle.moved["read"] += buffer.nbytes

    def _write(self, buffer: Tensor, path: str, offset: int) -> None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
            stream.seek(offset)
            stream.write(_bytes(buffer))
        Handle.moved["written"] += buffer.nbytes


def _bytes(buffer: Tensor) -> memoryview:
    return memoryview(buffer.detach().view(torch.uint8).numpy())


def install() -> None:
    """Have DeepSpeed load this for its operator, in this process. It must have been imported."""
    from deepspeed.ops.op_builder.cpu import AsyncIOBuilder

    def load(self: Any, verbose: bool = True) -> SimpleNamespace:
        return SimpleNamespace(aio_handle=Handle)

    AsyncIOBuilder.load = load
