"""Ranks, devices and how the model is spread over them. All of parallelism is in this file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from ml_contract.bytes_lm import BytesLm
from training_code.bytes_lm.model import ByteTransformer
from training_code.bytes_lm.weights import initialize
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
def distributed() -> Iterator[Ranks]:
    """Join the other ranks, as torchrun's environment says, and leave them again.

    Raises:
        PeerLost: Another rank ended while this one needed it.
    """
    local_rank = int(os.environ["LOCAL_RANK"])
    device = torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        # gloo beside NCCL: checkpoints talk over the CPU.
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=COLLECTIVE_TIMEOUT)
        yield Ranks(
            rank=dist.get_rank(), local_rank=local_rank, world_size=dist.get_world_size(), device=device
        )  # fmt: skip
        dist.barrier()
    except RuntimeError as error:
        if _peer_is_gone(error):
            raise PeerLost(f"another rank ended or went silent ({' '.join(str(error).split())[:200]})") from error
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def build(options: BytesLm, ranks: Ranks) -> ByteTransformer:
    """The model, sharded over all ranks: described on the meta device, so that no rank ever holds all of it."""
    with torch.device("meta"):
        model = ByteTransformer.of(options)
    mesh = init_device_mesh(ranks.device.type, (ranks.world_size,), mesh_dim_names=("shard",))
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    model.to_empty(device=ranks.device)
    initialize(model, options.seed)
    return model


def clip(model: ByteTransformer, largest: float) -> float:
    """Scale gradients down to a global norm of ``largest``, and return the norm that they had on all ranks together."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), largest)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def gather(model: ByteTransformer) -> dict[str, torch.Tensor]:
    """All parameters, whole and on the CPU, on the first rank; nothing on the others."""
    whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return cast(dict[str, torch.Tensor], get_model_state_dict(model, options=whole))


_GONE = ("connection closed by peer", "connection reset by peer", "broken pipe", "connection refused",
         "remote process exited", "socket closed", "timed out")  # fmt: skip


def _peer_is_gone(error: BaseException) -> bool:
    # gloo raises a plain RuntimeError whatever happens, so its words are all there is.
    lost = (RuntimeError, dist.DistError, dist.DistBackendError, dist.DistNetworkError, dist.DistStoreError)
    return type(error) in lost and any(sign in str(error).lower() for sign in _GONE)
