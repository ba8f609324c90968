"""Distributed data parallel: the whole model on every rank."""

from __future__ import annotations

import contextlib
import gc
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp
from training_code.checkpoint import ModelState, OptimizerState, Stateful
from training_code.parallel.base import Passed
from training_code.parallel.blocks import transform
from training_code.parallel.precision import autocast
from training_code.parallel.ranks import Ranks
from training_code.parallel.torch_native import TorchNative
from training_code.parallel.weights import initialize
from training_code.workloads.base import Workload

_UNSYNCHRONIZED: dict[str, Any] = {}
"""Ranks begin alike. The torch of SageMaker's images (2.4, 2.5) knows no such option, and sends rank 0's weights."""
if "init_sync" in inspect.signature(DistributedDataParallel.__init__).parameters:
    _UNSYNCHRONIZED["init_sync"] = False


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> TorchNative:
    """The model, whole on this rank, with gradients averaged in buckets."""
    with torch.device("meta"):
        model = workload.build()
    transform(model, run, workload)
    model.to_empty(device=ranks.device)
    initialize(model, workload, run.seed)
    return Replicated(run, workload, ranks, layout, model)


def wrap(model: nn.Module, run: TrainingRun, ranks: Ranks, group: Any = None) -> DistributedDataParallel:
    """DDP over the ranks of ``group``; None takes all."""
    bucket = run.strategy.bucket_mib if isinstance(run.strategy, Ddp) else Ddp().bucket_mib
    return DistributedDataParallel(
        model, device_ids=[ranks.device] if ranks.device.type == "cuda" else None, process_group=group,
        bucket_cap_mb=bucket, gradient_as_bucket_view=True, broadcast_buffers=False, find_unused_parameters=False,
        **_UNSYNCHRONIZED,
    )  # fmt: skip


class Replicated(TorchNative):
    """One whole model a rank."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout, module: nn.Module
    ) -> None:
        super().__init__(run, workload, ranks, layout, wrap(module, run, ranks))
        self._module, self._learning = module, _learning(module)

    def forward_backward(self, batches: Sequence[Any]) -> Passed:
        # DDP waits for gradients of exactly the parameters that had some when it was made. One that a workload has
        # frozen, or freed, since then takes another; the old one's hooks go with it, so nothing may hold it.
        if (learning := _learning(self._module)) != self._learning:
            self._learning, self.model = learning, self._module
            gc.collect()
            self.model = wrap(self._module, self.run, self.ranks)
        return super().forward_backward(batches)

    def state(self) -> dict[str, Stateful]:
        own: dict[str, Stateful] = {
            "model": ModelState(self._module), "optimizer": OptimizerState(self._module, self.optimizer)
        }  # fmt: skip
        return super().state() | own

    def synchronize(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:
        assert isinstance(self.model, DistributedDataParallel)
        return contextlib.nullcontext() if last else self.model.no_sync()

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        return autocast(self.run.precision, self.ranks.device)


def _learning(module: nn.Module) -> tuple[bool, ...]:
    return tuple(parameter.requires_grad for parameter in module.parameters())
