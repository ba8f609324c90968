"""Fully sharded data parallel, FSDP2: block by block, over one mesh."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard

from ml_contract.training.layout import Layout
from ml_contract.training.optimization import Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from training_code.parallel.blocks import transform
from training_code.parallel.precision import DTYPES, compute_dtype
from training_code.parallel.ranks import Ranks
from training_code.parallel.torch_native import TorchNative
from training_code.parallel.weights import initialize
from training_code.workloads.base import Workload


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> TorchNative:
    """The model, sharded: described on the meta device, so that no rank ever holds all of it."""
    assert isinstance(run.strategy, Fsdp)
    with torch.device("meta"):
        model = workload.build()
    transform(model, run, workload)
    shard(model, run.strategy, run.precision, workload, mesh(layout, ranks))
    model.to_empty(device="cpu" if run.strategy.cpu_offload else ranks.device)
    initialize(model, workload, run.seed)
    assert isinstance(model, FSDPModule)
    # At the first forward it would take types of gradients from parameters that learn, and leave those of a block that
    # is held still at first in the type of the computation: now all learn. It asks for parameters that have content.
    if not next(model.parameters()).is_meta:
        model._get_fsdp_state()._lazy_init()
    return Sharded(run, workload, ranks, layout, model)


def mesh(layout: Layout, ranks: Ranks) -> DeviceMesh:
    """One dimension to shard over; two where copies of the shards are kept."""
    if layout.replicate > 1:
        return init_device_mesh(
            ranks.device.type, (layout.replicate, layout.shard), mesh_dim_names=("replicate", "shard")
        )
    return init_device_mesh(ranks.device.type, (layout.shard,), mesh_dim_names=("shard",))


def shard(model: nn.Module, strategy: Fsdp, precision: Precision, workload: Workload[Any], mesh: DeviceMesh) -> None:
    """Shard each block, then the rest, in place."""
    compute = compute_dtype(precision)
    offload = OffloadPolicy()
    if strategy.cpu_offload:
        offload = CPUOffloadPolicy(pin_memory=torch.cuda.is_available())
    common: dict[str, Any] = {
        "mesh": mesh,
        "mp_policy": MixedPrecisionPolicy(
            param_dtype=None if compute is torch.float32 else compute, reduce_dtype=DTYPES[precision.reduce]
        ),
        "offload_policy": offload,
    }
    blocks = list(workload.blocks(model).values())
    for block in blocks:
        fully_shard(block, reshard_after_forward=strategy.sharding != "shard_grad_op", **common)
    # What is outside the blocks is needed at both ends of forward: to reshard it in between would only gather twice.
    fully_shard(model, reshard_after_forward=False, **common)
    _prefetch(blocks, strategy)


def _prefetch(blocks: list[nn.Module], strategy: Fsdp) -> None:
    for index, block in enumerate(blocks):
        assert isinstance(block, FSDPModule)
        ahead = blocks[index + 1 : index + 1 + strategy.prefetch_forward]
        behind = blocks[max(0, index - strategy.prefetch_backward) : index][::-1]
        if strategy.prefetch_forward and ahead:
            block.set_modules_to_forward_prefetch(ahead)  # type: ignore[arg-type]
        if strategy.prefetch_backward and behind:
            block.set_modules_to_backward_prefetch(behind)  # type: ignore[arg-type]


class Sharded(TorchNative):
    """A part of every parameter a rank."""

    @property
    def sharding(self) -> Fsdp:
        """The options of sharding."""
        assert isinstance(self.run.strategy, Fsdp)
        return self.run.strategy

    def synchronize(self, *, last: bool) -> contextlib.AbstractContextManager[Any]:
        assert isinstance(self.model, FSDPModule)
        if self.sharding.accumulate == "whole":
            self.model.set_requires_gradient_sync(last)
        else:
            self.model.set_requires_all_reduce(last)
        return contextlib.nullcontext()
