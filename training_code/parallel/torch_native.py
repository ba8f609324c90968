"""What all strategies of torch's own share: one optimiser, gradients that add up, checkpoints by parameter name."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.tensor import DTensor

from ml_contract.metrics import Metric
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import ModelState, OptimizerState, Stateful
from training_code.parallel import optimizer as optimizers
from training_code.parallel.base import Parallel, Passed
from training_code.parallel.blocks import loss
from training_code.parallel.ranks import Ranks
from training_code.workloads.base import Workload


class TorchNative(Parallel):
    """A model whose parameters are tensors or DTensors, and one optimiser over them."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout, model: nn.Module
    ) -> None:
        super().__init__(run, workload, ranks, layout)
        self.model = model
        self.loss = loss(run, workload)
        self.optimizer = optimizers.adamw(self.parameter_groups(), run.optimizer)
        self.scaler: torch.amp.GradScaler | None = None
        if run.precision.compute == "float16":
            self.scaler = torch.amp.GradScaler(ranks.device.type)

    @property
    def models(self) -> Sequence[nn.Module]:
        return (self.model,)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Of the optimiser."""
        return optimizers.groups(self.models, self.workload, self.run.optimizer)

    def synchronize(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:  # noqa: ARG002
        """Around one micro-batch: gradients are exchanged after the last alone."""
        return contextlib.nullcontext()

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        """Around forward and loss."""
        return contextlib.nullcontext()

    def arguments(self, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        """(arguments of the model's forward, those that are passed by name, targets of the loss) on this rank."""
        arguments, targets = self.workload.split(batch)
        return arguments, {}, targets

    def forward_backward(self, batches: Sequence[Any]) -> Passed:
        loss, figures = 0.0, dict[Metric, float]()
        for index, batch in enumerate(batches):
            arguments, named, targets = self.arguments(batch)
            with self.synchronize(last=index == len(batches) - 1):
                with self.computing():
                    outputs = self.model(*arguments, **named)
                    micro = self.loss(outputs, targets) / len(batches)
                torch.autograd.backward(self.scaler.scale(micro) if self.scaler else micro)
            loss += float(micro.detach())
            for metric, value in self.workload.figures(outputs, targets).items():
                figures[metric] = figures.get(metric, 0.0) + value / len(batches)
            del outputs, micro  # or a large vocabulary's scores would outlive their backward by a forward
        return Passed(loss=loss, figures=figures)

    def clip(self, largest: float) -> float:
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        parameters = [parameter for model in self.models for parameter in model.parameters()]
        if not hasattr(nn.utils, "get_total_norm"):
            # The torch of SageMaker's images (2.4, 2.5), whose strategies have whole gradients: both in one.
            return float(nn.utils.clip_grad_norm_(parameters, largest))
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        norm = self.total_norm(nn.utils.get_total_norm(gradients))
        found = float(norm)
        if math.isfinite(found):
            nn.utils.clip_grads_with_norm_(parameters, largest, norm)
        return found

    def total_norm(self, norm: Tensor) -> Tensor:
        """The norm over all ranks, from that over this rank's parameters."""
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def update(self, rate: float) -> bool:
        optimizers.set_rate(self.optimizer, rate)
        if self.scaler:
            before = self.scaler.get_scale()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            updated = self.scaler.get_scale() >= before
        else:
            self.optimizer.step()
            updated = True
        self.optimizer.zero_grad()
        return updated

    def state(self) -> dict[str, Stateful]:
        found: dict[str, Stateful] = {
            "model": ModelState(self.model), "optimizer": OptimizerState(self.model, self.optimizer)
        }  # fmt: skip
        return found | ({"scaler": self.scaler} if self.scaler else {})

    def gather(self) -> dict[str, Tensor]:
        whole = StateDictOptions(full_state_dict=True, cpu_offload=True)
        return cast(dict[str, Tensor], get_model_state_dict(self.model, options=whole))
