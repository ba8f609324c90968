"""Tensor, pipeline and context parallelism, alone and over replicated or sharded data parallelism: one device mesh."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import ModelParallel
from training_code.parallel import blocks, context, pipeline, tensor
from training_code.parallel.divided import Divided
from training_code.parallel.fsdp import shard
from training_code.parallel.mesh import data_mesh, device_mesh, sharding
from training_code.parallel.pipeline_stage import Pipelined
from training_code.parallel.ranks import Ranks
from training_code.parallel.weights import initialize
from training_code.workloads.base import Workload


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> Divided:
    """The model, of which this rank holds its part of every degree."""
    strategy = run.strategy
    assert isinstance(strategy, ModelParallel)
    mesh = device_mesh(ranks.device.type, layout)
    if strategy.pipeline is None:
        with torch.device("meta"):
            held = {0: workload.build()}
    else:
        held = pipeline.parts(workload, strategy.pipeline, mesh.get_local_rank("pipeline"))
    for part in held.values():
        _divide(part, run, workload, layout, mesh)
        part.to_empty(device="cpu" if sharding(strategy).cpu_offload else ranks.device)
        initialize(part, workload, run.seed)
    if strategy.pipeline is None:
        return Divided(run, workload, ranks, layout, mesh, held)
    return Pipelined(run, workload, ranks, layout, mesh, held)


def _divide(part: nn.Module, run: TrainingRun, workload: Workload[Any], layout: Layout, mesh: DeviceMesh) -> None:
    strategy = run.strategy
    assert isinstance(strategy, ModelParallel)
    blocks.convert(part, run, workload)
    if layout.context > 1:
        context.divide(part, workload, mesh.get_group("context"))
    if layout.tensor > 1:
        tensor.divide(part, workload, mesh["tensor"], compiled=run.compile_blocks)
    blocks.wrap(part, run, workload)
    shard(part, sharding(strategy), run.precision, workload, data_mesh(mesh, strategy))
