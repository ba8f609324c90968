"""Initial weights: a function of seed, name and shape, whatever the device, the world size or the strategy."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from training_code.workloads.base import Workload

WRAPPER = "_checkpoint_wrapped_module."
"""What activation checkpointing puts into names; state dicts leave it out too."""


@torch.no_grad()
def initialize(model: nn.Module, workload: Workload[Any], seed: int) -> None:
    """Write every parameter, sharded or whole. No rank talks to another: each draws the whole and keeps its part."""
    for name, parameter in model.named_parameters():
        value = workload.initial(name.replace(WRAPPER, ""), parameter.shape, seed).to(parameter.device, parameter.dtype)
        if isinstance(parameter, DTensor):
            value = distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)
        parameter.copy_(value)
    workload.reset(model)


def generator(seed: int, name: str) -> torch.Generator:
    """A generator for one parameter, which depends on nothing but the seed and the name."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def normal(shape: torch.Size, std: float, *, seed: int, name: str) -> Tensor:
    """float32 of ``shape`` on the CPU, drawn from a normal distribution around 0."""
    return torch.empty(shape, dtype=torch.float32).normal_(0.0, std, generator=generator(seed, name))
