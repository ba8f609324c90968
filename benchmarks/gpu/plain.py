"""A plain PyTorch loop over the same model: no strategy, nothing distributed; compiled as one graph with its loss."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from benchmarks.gpu import measure
from benchmarks.gpu.settings import OPTIMIZER, SEED, Mode, Setting
from training_code.parallel.weights import initialize


def run(setting: Setting, mode: Mode) -> dict[str, Any]:
    """Train for the setting's steps."""
    device, workload = measure.device(), measure.workload(setting)
    with torch.device("meta"):
        model = workload.build()
    if setting.recompute == "full":
        for block in workload.blocks(model).values():
            _recompute(block)
    model.to_empty(device=device)
    initialize(model, workload, SEED)
    optimizer = torch.optim.AdamW(
        workload.parameter_groups(model, OPTIMIZER.weight_decay), lr=OPTIMIZER.learning_rate,
        betas=(OPTIMIZER.beta1, OPTIMIZER.beta2), eps=OPTIMIZER.epsilon, fused=True,
    )  # fmt: skip
    casting = torch.autocast(device.type, torch.bfloat16)

    def forward(tokens: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(model(tokens).flatten(0, 1).float(), targets.flatten())

    compute = forward if mode == "eager" else torch.compile(forward)
    clock, data = measure.Clock(setting), measure.batches(setting)
    clock.start()
    for batches in data:
        total = 0.0
        for batch in batches:
            tokens = batch.to(device, non_blocking=True)
            with casting if setting.parameters == "float32" else contextlib.nullcontext():
                loss = compute(tokens[:, :-1], tokens[:, 1:]) / len(batches)
            torch.autograd.backward(loss)
            total += float(loss.detach())
        nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER.gradient_clip)
        optimizer.step()
        optimizer.zero_grad()
        clock.step(total)
    return clock.figures()


def _recompute(block: nn.Module) -> None:
    forward = block.forward
    block.forward = lambda *arguments: checkpoint(forward, *arguments, use_reentrant=False)
