"""Optimiser and learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from ml_contract.bytes_lm import BytesLm

FLOOR = 0.1
"""Share of the peak at which the cosine ends."""


def optimizer(model: nn.Module, options: BytesLm) -> torch.optim.Optimizer:
    """AdamW; matrices decay, vectors (the scales of norms) do not."""
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": options.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.95))


def schedule(optimizer: torch.optim.Optimizer, options: BytesLm) -> torch.optim.lr_scheduler.LRScheduler:
    """Linear warm-up, then a cosine down to ``FLOOR`` of the peak."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: factor(done, options))


def factor(done: int, options: BytesLm) -> float:
    """Share of the peak learning rate for the step after ``done`` steps."""
    if done < options.warmup_steps:
        return (done + 1) / (options.warmup_steps + 1)
    progress = min(1.0, (done - options.warmup_steps) / max(1, options.steps - 1 - options.warmup_steps))
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))
