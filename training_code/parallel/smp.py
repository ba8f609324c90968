"""SageMaker's model parallel library v2: ``torch.sagemaker`` below FSDP. Never executed outside AWS, nor on it.

Tests run a stub, which does on top of torch what the library's documentation says.

It changes how torch's first FSDP (``FullyShardedDataParallel``) forms its groups and offloads activations, and leaves
its state as FSDP's: so checkpoints are those of every other strategy, and resume under them. FSDP2 is not its base.

Sources, read 2026-11: "The SageMaker model parallel library v2 reference", "Hybrid sharded data parallelism",
"Activation offloading" and "Checkpointing using SMP", SageMaker Developer Guide; aws/amazon-sagemaker-examples and
aws/sagemaker-hyperpod-training-adapter-for-nemo for the order of the calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy
from torch.distributed.fsdp.wrap import CustomPolicy

from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.parallel import blocks
from training_code.parallel import optimizer as optimizers
from training_code.parallel.ranks import Ranks
from training_code.parallel.smp_library import (
    configuration,
    groups_by_name,
    imported,
    mixed,
    plain,
    recomputed,
    replace,
)
from training_code.parallel.smp_sharded import ModelParallel
from training_code.workloads.base import Workload


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> ModelParallel:
    """The model, sharded: described on the meta device, and made block by block.

    Raises:
        ContractError: The image does not hold the library.
    """
    strategy = run.strategy
    assert isinstance(strategy, SageMakerModelParallel)
    if strategy.transforms:
        from training_code.parallel import smp_transformed

        return smp_transformed.build(run, workload, ranks, layout)
    settings = configuration(strategy, layout, run.seed)
    imported("torch.sagemaker").init(settings)
    with torch.device("meta"):
        model = workload.build()
    _transform(model, run, workload, strategy)
    # Before anything is sharded: a group may look at shapes, and the parts of this FSDP are flat.
    groups = groups_by_name(model, optimizers.groups((model,), workload, run.optimizer))
    units = {*workload.blocks(model).values()}
    hybrid = settings["hybrid_shard_degree"] > 0
    sharded = FullyShardedDataParallel(
        model,
        # The library gives the groups of the hybrid form: hybrid_shard_degree ranks share, the others copy.
        sharding_strategy=ShardingStrategy.HYBRID_SHARD if hybrid else ShardingStrategy.FULL_SHARD,
        auto_wrap_policy=CustomPolicy(lambda module: module in units),
        mixed_precision=mixed(run),
        param_init_fn=_initializer(model, workload, run, ranks),
        device_id=ranks.device,
        use_orig_params=True,
    )
    workload.reset(sharded.module)
    return ModelParallel(run, workload, ranks, layout, sharded, groups)


def _transform(model: nn.Module, run: TrainingRun, workload: Workload[Any], strategy: SageMakerModelParallel) -> None:
    if not strategy.activation_offloading:
        blocks.transform(model, run, workload)
        return
    for name, block in workload.blocks(model).items():
        # The library offloads what a checkpointed block is given.
        replace(model, name, recomputed(block))


def _initializer(
    model: nn.Module, workload: Workload[Any], run: TrainingRun, ranks: Ranks
) -> Callable[[nn.Module], None]:
    """What FSDP calls for each module on the meta device: its parameters, as under every other strategy."""
    names = {module: plain(prefix) for prefix, module in model.named_modules()}

    @torch.no_grad()
    def initialize(module: nn.Module) -> None:
        module.to_empty(device=ranks.device, recurse=False)
        for name, parameter in module.named_parameters(recurse=False):
            whole = f"{names[module]}.{name}".lstrip(".")
            parameter.copy_(workload.initial(whole, parameter.shape, run.seed))

    return initialize
