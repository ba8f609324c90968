"""Small Python objects between the ranks of one group; every failure reaches every rank."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist

from ml_contract.checkpoint.errors import CheckpointError
from training_code.older_torch import LOCKED_TEARDOWN

Value = TypeVar("Value")
_kept: list[dist.ProcessGroup] = []
"""Groups that were given back, and end with the process."""


def _portable(error: Exception) -> Exception:
    """``error``, or its text where it cannot travel: other ranks would wait for it in vain."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    except Exception:
        return CheckpointError(f"{type(error).__name__}: {error}")
    return error


class Ranks:
    """The ranks of a process group; one rank alone where torch.distributed is not initialised.

    It makes a gloo group of its own, so that its collectives neither meet those of training nor need a device. Hence
    building one is itself a collective call, and one instance serves one thread.
    """

    def __init__(self, parent: dist.ProcessGroup | None, timeout_s: float) -> None:
        self.group: dist.ProcessGroup | None = None
        self.rank, self.size = 0, 1
        if dist.is_available() and dist.is_initialized():
            self._members = dist.get_process_group_ranks(parent or dist.group.WORLD)
            self.group = dist.new_group(
                self._members,
                backend="gloo",
                timeout=timedelta(seconds=timeout_s),
                use_local_synchronization=len(self._members) < dist.get_world_size(),
            )
            self.rank, self.size = dist.get_rank(self.group), len(self._members)

    def first(self, make: Callable[[], Value], *, rank: int = 0) -> Value:
        """What ``make`` returns on rank 0, or another, on every rank; what it raises is raised on every rank."""
        answer: list[object] = [None, None]
        if self.rank == rank:
            try:
                answer[0] = make()
            except Exception as error:
                answer[1] = _portable(error)
        if self.group is not None:
            dist.broadcast_object_list(answer, src=self._members[rank], group=self.group)
        if isinstance(answer[1], Exception):
            raise answer[1]
        return cast(Value, answer[0])

    def all(self, value: Value) -> list[Value]:
        """``value`` of every rank, by rank, on every rank."""
        if self.group is None:
            return [value]
        values: list[Value | None] = [None] * self.size
        dist.all_gather_object(values, value, group=self.group)
        return cast(list[Value], values)

    def gathered(self, value: Value) -> list[Value]:
        """``value`` of every rank, by rank, on rank 0; an empty list elsewhere."""
        if self.group is None:
            return [value]
        values: list[Value | None] | None = [None] * self.size if self.rank == 0 else None
        dist.gather_object(value, values, dst=self._members[0], group=self.group)
        return cast(list[Value], values or [])

    def each(self, work: Callable[[], Value]) -> list[Value]:
        """What ``work`` returns on every rank, by rank. The lowest rank's error is raised everywhere."""
        mine: tuple[Value | None, Exception | None]
        try:
            mine = (work(), None)
        except Exception as error:
            mine = (None, _portable(error))
        answers = self.all(mine)
        for _, failure in answers:
            if failure is not None:
                raise failure
        return [cast(Value, value) for value, _ in answers]

    def sending(self, data: torch.Tensor, to: int) -> dist.Work:
        """Begin to send a tensor of the CPU to a rank of the group. Needs more than one rank."""
        return cast(dist.Work, dist.isend(data, dst=self._members[to], group=self.group))

    def receiving(self, data: torch.Tensor, source: int) -> dist.Work:
        """Begin to receive what a rank of the group sends, in the order of its sending."""
        return cast(dist.Work, dist.irecv(data, src=self._members[source], group=self.group))

    def close(self) -> None:
        """Give the group back."""
        if self.group is not None and dist.is_initialized():
            dist.destroy_process_group(self.group)
            if LOCKED_TEARDOWN:
                _kept.append(self.group)
        self.group = None
