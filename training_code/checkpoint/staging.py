"""A copy of the state that training can no longer change: the only part of an async save that training waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch.distributed._state_dict_utils import _copy_state_dict, _create_cpu_state_dict

from ml_contract.checkpoint.documents import Kind
from training_code.checkpoint.state import Stateful, fingerprint, holds_sharded_tensors, materialize, pack

try:
    from torch.distributed.checkpoint.staging import DefaultStager, StagingOptions
except ImportError:
    DefaultStager = None  # type: ignore[assignment, misc]


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A state on its way out: copies that training no longer touches."""

    step: int
    sharded: dict[str, Any]
    own: bytes
    """This rank's own state; on rank 0 the shared one, too."""
    kinds: Mapping[str, Kind]
    fingerprints: Mapping[str, str]
    """Of the shared state, which must be equal on all ranks."""


class Stager:
    """Copies to CPU memory, pinned where there is CUDA. Its buffers serve save after save."""

    def __init__(self) -> None:
        self._stager: _CurrentStager | _OlderStager | None = None

    def stage(self, step: int, state: Mapping[str, Stateful], *, rank: int, copy: bool) -> tuple[Staged, int]:
        """The state, and the bytes of its shards on this rank. Without ``copy`` tensors stay references."""
        found = materialize(state)
        staged = Staged(
            step=step,
            sharded=self._copied(found.sharded) if copy else found.sharded,
            own=pack(per_rank=found.per_rank, shared=found.shared if rank == 0 else {}),
            kinds=found.kinds,
            fingerprints={name: fingerprint(content) for name, content in found.shared.items()},
        )
        return staged, found.local_bytes

    def close(self) -> None:
        """Give the buffers back."""
        if self._stager is not None:
            self._stager.close()

    def _copied(self, state: dict[str, Any]) -> dict[str, Any]:
        if self._stager is None:
            self._stager = _OlderStager() if DefaultStager is None or holds_sharded_tensors(state) else _CurrentStager()
        return self._stager.stage(state)


class _CurrentStager:
    """torch's own."""

    def __init__(self) -> None:
        cuda = torch.cuda.is_available()
        self._stager = DefaultStager(
            StagingOptions(
                use_pinned_memory=cuda, use_shared_memory=False, use_async_staging=False, use_non_blocking_copy=cuda
            )
        )

    def stage(self, state: dict[str, Any]) -> dict[str, Any]:
        return cast(dict[str, Any], self._stager.stage(state))

    def close(self) -> None:
        self._stager.close()


class _OlderStager:
    """For the torch of SageMaker's images (2.4, 2.5), and for parts of torch's first FSDP, which the other refuses."""

    def __init__(self) -> None:
        self._buffers: dict[str, Any] | None = None

    def stage(self, state: dict[str, Any]) -> dict[str, Any]:
        if self._buffers is None:
            self._buffers = _create_cpu_state_dict(state, pin_memory=torch.cuda.is_available())
        return _copy_state_dict(state, self._buffers)

    def close(self) -> None:
        self._buffers = None
