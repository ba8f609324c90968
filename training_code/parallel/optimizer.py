"""The optimiser of a run over whatever parameters a rank holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ml_contract.training.optimization import AdamW
from training_code.workloads.base import Workload


def groups(models: Sequence[nn.Module], workload: Workload[Any], options: AdamW) -> list[dict[str, Any]]:
    """The workload's parameter groups over all parts of the model; each has a ``scale`` of the learning rate."""
    found = [group for model in models for group in workload.parameter_groups(model, options.weight_decay)]
    return [{"scale": 1.0, **group} for group in found if group["params"]]


def adamw(parameters: list[dict[str, Any]], options: AdamW) -> torch.optim.Optimizer:
    """torch's AdamW; the learning rate is set by every step.

    Every parameter has its state from the start, the zeros that torch would make at its first gradient: so checkpoints
    hold the same entries, whatever a workload had frozen when they were taken.

    What is loaded are moments, never options: a run that begins from another's checkpoint keeps its own.
    """
    optimizer = torch.optim.AdamW(
        parameters, lr=options.learning_rate, betas=(options.beta1, options.beta2), eps=options.epsilon,
        fused=options.fused,
    )  # fmt: skip
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            optimizer.state[parameter] = {
                "step": torch.zeros((), device=parameter.device if options.fused else None),
                "exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter),
            }  # fmt: skip
    own = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]

    def keep(loaded: torch.optim.Optimizer) -> None:
        for group, mine in zip(loaded.param_groups, own, strict=True):
            group.update(mine)

    optimizer.register_load_state_dict_post_hook(keep)
    return optimizer


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next update."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
