"""Initial weights: a function of seed, name and shape, whatever the device, the world size or the order of creation."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from training_code.bytes_lm.model import ByteTransformer

SCORES_STD = 0.02
"""Small, so that the first prediction is near uniform: a loss of ln 256."""


@torch.no_grad()
def initialize(model: ByteTransformer, seed: int) -> None:
    """Write every parameter, sharded or whole. No rank talks to another: each draws the whole and keeps its part."""
    depth = len(model.blocks)
    for name, parameter in model.named_parameters():
        value: Tensor = _initial(name, parameter.shape, depth, seed).to(parameter.device, parameter.dtype)
        if isinstance(parameter, DTensor):
            value = distribute_tensor(value, parameter.device_mesh, parameter.placements, src_data_rank=None)
        parameter.copy_(value)


def _initial(name: str, shape: torch.Size, depth: int, seed: int) -> Tensor:
    value = torch.empty(shape, dtype=torch.float32)
    if len(shape) == 1:
        return nn.init.ones_(value)
    std = 1.0
    if name.startswith("scores."):
        std = SCORES_STD
    elif not name.startswith("embedding."):
        std = 1 / math.sqrt(shape[-1])
    if name.endswith(".output.weight"):
        # What each layer adds to the residual stream shrinks with their number (GPT-2).
        std /= math.sqrt(2 * depth)
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return value.normal_(0.0, std, generator=torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1))
