"""Distributed data parallel: the whole model on every rank."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp
from training_code.parallel.blocks import transform
from training_code.parallel.precision import autocast
from training_code.parallel.ranks import Ranks
from training_code.parallel.torch_native import TorchNative
from training_code.parallel.weights import initialize
from training_code.workloads.base import Workload


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> TorchNative:
    """The model, whole on this rank, with gradients averaged in buckets."""
    with torch.device("meta"):
        model = workload.build()
    transform(model, run, workload)
    model.to_empty(device=ranks.device)
    initialize(model, workload, run.seed)
    return Replicated(run, workload, ranks, layout, wrap(model, run, ranks))


def wrap(model: nn.Module, run: TrainingRun, ranks: Ranks, group: Any = None) -> DistributedDataParallel:
    """DDP over the ranks of ``group``; None takes all."""
    bucket = run.strategy.bucket_mib if isinstance(run.strategy, Ddp) else Ddp().bucket_mib
    return DistributedDataParallel(
        model, device_ids=[ranks.device] if ranks.device.type == "cuda" else None, process_group=group,
        bucket_cap_mb=bucket, gradient_as_bucket_view=True, broadcast_buffers=False, init_sync=False,
        find_unused_parameters=False,
    )  # fmt: skip


class Replicated(TorchNative):
    """One whole model a rank."""

    def synchronize(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:
        assert isinstance(self.model, DistributedDataParallel)
        return contextlib.nullcontext() if last else self.model.no_sync()

    def computing(self) -> contextlib.AbstractContextManager[Any]:
        return autocast(self.run.precision, self.ranks.device)
