"""This process among the others: joining them, agreeing with them, noticing that one is gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist

from training_code.failure import PeerLost

Result = TypeVar("Result")
COLLECTIVE_TIMEOUT = timedelta(minutes=10)
"""How long a rank waits for the others; the slowest thing that one does alone is the export."""


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among all of them."""

    rank: int
    local_rank: int
    """Among those of its host."""
    world_size: int
    local_world_size: int
    """Ranks of this host."""
    device: torch.device

    @property
    def is_leader(self) -> bool:
        return self.rank == 0

    def sums(self, *values: float) -> list[float]:
        """Each value summed over all ranks: one all-reduce for whatever a step has to agree on."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def smallest(self, value: float) -> float:
        """The smallest value of all ranks."""
        return self._reduced((value,), dist.ReduceOp.MIN)[0]

    def all_or_none(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns; where it raises on one rank, every rank ends instead of waiting for that one.

        Raises:
            PeerLost: It raised on another rank. On that one its own error is raised.
        """
        try:
            found, error = work(), None
        except Exception as raised:
            found, error = None, raised
        failures = int(self.sums(error is not None)[0])
        if error is not None:
            raise error
        if failures:
            raise PeerLost(f"{failures} other ranks could not start")
        return cast(Result, found)

    def _reduced(self, values: tuple[float, ...], operation: dist.ReduceOp.RedOpType) -> list[float]:
        # float64, so that the sum of float32 losses is exact enough to be the same in every order.
        exchanged = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(exchanged, operation)
        found: list[float] = exchanged.tolist()
        return found


@contextmanager
def distributed(backend: str | None = None) -> Iterator[Ranks]:
    """Join the other ranks, as the launcher's environment says, and leave them again.

    Args:
        backend: Of the process group; None takes NCCL with gloo beside it on GPUs, else gloo.

    Raises:
        PeerLost: Another rank ended while this one needed it.
    """
    local_rank = int(os.environ["LOCAL_RANK"])
    device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        # gloo beside NCCL: checkpoints talk over the CPU.
        backend = backend or ("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
        dist.init_process_group(backend, timeout=COLLECTIVE_TIMEOUT)
        yield Ranks(
            rank=dist.get_rank(), local_rank=local_rank, world_size=dist.get_world_size(),
            local_world_size=int(os.environ["LOCAL_WORLD_SIZE"]), device=device,
        )  # fmt: skip
        dist.barrier()
    except RuntimeError as error:
        if _peer_is_gone(error):
            raise PeerLost(f"another rank ended or went silent ({' '.join(str(error).split())[:200]})") from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


_GONE = ("connection closed by peer", "connection reset by peer", "broken pipe", "connection refused",
         "remote process exited", "socket closed", "timed out")  # fmt: skip


def _peer_is_gone(error: BaseException) -> bool:
    # gloo raises a plain RuntimeError whatever happens, so its words are all there is.
    lost = (RuntimeError, dist.DistError, dist.DistBackendError, dist.DistNetworkError, dist.DistStoreError)
    return type(error) in lost and any(sign in str(error).lower() for sign in _GONE)
