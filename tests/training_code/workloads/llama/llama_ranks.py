"""What ranks of the tensor-parallel test do: by its name, so that a process of its own can import it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import parallelize_module

from ml_contract.workloads.llama import LLAMA_TINY
from training_code.parallel.ranks import Ranks
from training_code.parallel.weights import initialize
from training_code.workloads.llama.workload import LlamaWorkload

OPTIONS = replace(LLAMA_TINY, hidden=32, intermediate=48, heads=4, layers=2, sequence_length=16)


def divided(ranks: Ranks) -> dict[str, Any]:
    """How much a model divided among the ranks differs from the whole one."""
    workload = LlamaWorkload(OPTIONS)
    whole, parts = workload.build(), workload.build()
    initialize(whole, workload, 0)
    initialize(parts, workload, 0)
    parallelize_module(parts, init_device_mesh("cpu", (ranks.world_size,)), dict(workload.tensor_plan(parts)))
    drawn = torch.randint(0, OPTIONS.vocabulary, (2, 17), generator=torch.Generator().manual_seed(0))
    (given,), targets = workload.split(drawn)
    logits = [model(given) for model in (whole, parts)]
    for outputs in logits:
        workload.loss(outputs, targets).backward()
    gradients = {
        name: float((_whole(parameter.grad) - whole.get_parameter(name).grad).abs().max())
        for name, parameter in parts.named_parameters()
    }
    divided = [
        name for name, parameter in parts.named_parameters()
        if isinstance(parameter, DTensor) and parameter.to_local().numel() * ranks.world_size == parameter.numel()
    ]  # fmt: skip
    return {"logits": float((logits[0] - logits[1]).detach().abs().max()), "gradients": gradients, "divided": divided}


def _whole(tensor: Any) -> Any:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
