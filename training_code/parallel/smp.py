"""SageMaker's model parallel library v2: ``torch.sagemaker`` below FSDP. Never executed outside AWS, nor on it.

Tests run a stub, which does on top of torch what the library's documentation says.

It changes how torch's first FSDP (``FullyShardedDataParallel``) forms its groups and offloads activations, and leaves
its state as FSDP's: so checkpoints are those of every other strategy, and resume under them. FSDP2 is not its base.

Sources, read 2026-11: "The SageMaker model parallel library v2 reference", "Hybrid sharded data parallelism",
"Activation offloading" and "Checkpointing using SMP", SageMaker Developer Guide; aws/amazon-sagemaker-examples and
aws/sagemaker-hyperpod-training-adapter-for-nemo for the order of the calls.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    CheckpointImpl,
    checkpoint_wrapper,
    offload_wrapper,
)
from torch.distributed.fsdp import (
    FullStateDictConfig,
    FullyShardedDataParallel,
    MixedPrecision,
    ShardingStrategy,
    StateDictType,
)
from torch.distributed.fsdp.wrap import CustomPolicy

from ml_contract.errors import reject
from ml_contract.images import SMP
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import ModelState, OptimizerState, Stateful
from training_code.parallel import blocks
from training_code.parallel import optimizer as optimizers
from training_code.parallel.precision import DTYPES, compute_dtype
from training_code.parallel.ranks import Ranks
from training_code.parallel.torch_native import TorchNative
from training_code.parallel.weights import WRAPPER
from training_code.workloads.base import Workload

_FSDP = "_fsdp_wrapped_module."
"""What the first FSDP puts into names."""


def configuration(strategy: SageMakerModelParallel, layout: Layout, seed: int) -> dict[str, Any]:
    """What ``torch.sagemaker.init`` takes: the library's names for the options."""
    # 0 leaves the groups to FSDP, which then takes all ranks; sequences are divided among ranks that share, so they
    # need the number.
    share = strategy.hybrid_shard_degree or (layout.shard * layout.context if layout.context > 1 else 0)
    return {
        "hybrid_shard_degree": share,
        "sm_activation_offloading": strategy.activation_offloading,
        "activation_loading_horizon": strategy.activation_loading_horizon,
        "tensor_parallel_degree": strategy.tensor,
        "context_parallel_degree": strategy.context,
        "expert_parallel_degree": strategy.expert,
        "random_seed": seed,
    }


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> TorchNative:
    """The model, sharded: described on the meta device, and made block by block.

    Raises:
        ContractError: The image does not hold the library.
    """
    strategy = run.strategy
    assert isinstance(strategy, SageMakerModelParallel)
    settings = configuration(strategy, layout, run.seed)
    _imported("torch.sagemaker").init(settings)
    with torch.device("meta"):
        model = workload.build()
    _transform(model, run, workload, strategy)
    # Before anything is sharded: a group may look at shapes, and the parts of this FSDP are flat.
    names = {parameter: _plain(name) for name, parameter in model.named_parameters()}
    groups = [
        {**group, "params": [names[parameter] for parameter in group["params"]]}
        for group in optimizers.groups((model,), workload, run.optimizer)
    ]
    units = {*workload.blocks(model).values()}
    hybrid = settings["hybrid_shard_degree"] > 0
    sharded = FullyShardedDataParallel(
        model,
        # The library gives the groups of the hybrid form: hybrid_shard_degree ranks share, the others copy.
        sharding_strategy=ShardingStrategy.HYBRID_SHARD if hybrid else ShardingStrategy.FULL_SHARD,
        auto_wrap_policy=CustomPolicy(lambda module: module in units),
        mixed_precision=_mixed(run),
        param_init_fn=_initializer(model, workload, run, ranks),
        device_id=ranks.device,
        use_orig_params=True,
    )
    workload.reset(sharded.module)
    return ModelParallel(run, workload, ranks, layout, sharded, groups)


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reject("image", str(error), f"the strategy smp imports {name}, which is in SageMaker's own image alone",
               f"Take the image {SMP.repository}:{SMP.tag}, or Fsdp().")  # fmt: skip


def _transform(model: nn.Module, run: TrainingRun, workload: Workload[Any], strategy: SageMakerModelParallel) -> None:
    if not strategy.activation_offloading:
        blocks.transform(model, run, workload)
        return
    for name, block in workload.blocks(model).items():
        # The library offloads what a checkpointed block is given, which only the older form hands to it.
        parent, _, child = name.rpartition(".")
        wrapped = checkpoint_wrapper(block, checkpoint_impl=CheckpointImpl.REENTRANT, preserve_rng_state=False)
        model.get_submodule(parent).register_module(child, wrapped)


def _mixed(run: TrainingRun) -> MixedPrecision | None:
    compute = compute_dtype(run.precision)
    if compute is torch.float32:
        return None
    return MixedPrecision(param_dtype=compute, reduce_dtype=DTYPES[run.precision.reduce], cast_forward_inputs=True)


def _initializer(
    model: nn.Module, workload: Workload[Any], run: TrainingRun, ranks: Ranks
) -> Callable[[nn.Module], None]:
    """What FSDP calls for each module on the meta device: its parameters, as under every other strategy."""
    names = {module: _plain(prefix) for prefix, module in model.named_modules()}

    @torch.no_grad()
    def initialize(module: nn.Module) -> None:
        module.to_empty(device=ranks.device, recurse=False)
        for name, parameter in module.named_parameters(recurse=False):
            whole = f"{names[module]}.{name}".lstrip(".")
            parameter.copy_(workload.initial(whole, parameter.shape, run.seed))

    return initialize


def _plain(name: str) -> str:
    return name.replace(_FSDP, "").replace(WRAPPER, "")


class ModelParallel(TorchNative):
    """A part of every parameter a rank, by the first FSDP under SageMaker's library."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout,
        sharded: FullyShardedDataParallel, groups: list[dict[str, Any]],
    ) -> None:  # fmt: skip
        """``groups`` are the optimiser's, by names of parameters."""
        self.sharded, self.groups = sharded, groups
        assert isinstance(run.strategy, SageMakerModelParallel)
        # Around the root: the library learns there when forward is over, and begins to fetch.
        model = offload_wrapper(sharded) if run.strategy.activation_offloading else sharded
        super().__init__(run, workload, ranks, layout, model)

    def parameter_groups(self) -> list[dict[str, Any]]:
        parts = {_plain(name): parameter for name, parameter in self.sharded.named_parameters()}
        return [{**group, "params": [parts[name] for name in group["params"]]} for group in self.groups]

    def clip(self, largest: float) -> float:
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
            # Ranks hold different gradients: all of them skip a step whose gradients overflowed on one.
            for overflow in self.scaler._found_inf_per_device(self.optimizer).values():
                dist.all_reduce(overflow, dist.ReduceOp.MAX)
        return float(_imported("torch.sagemaker.grad_norm").clip_grad_norm_(self.sharded, largest))

    def state(self) -> dict[str, Stateful]:
        own: dict[str, Stateful] = {
            "model": ModelState(self.sharded), "optimizer": OptimizerState(self.sharded, self.optimizer)
        }  # fmt: skip
        return super().state() | own

    def gather(self) -> dict[str, Tensor]:
        # On the way the library turns the parts of its tensors into Hugging Face's. torch cannot offload from a CPU.
        offload = self.ranks.device.type == "cuda"
        settings = FullStateDictConfig(rank0_only=offload, offload_to_cpu=offload)
        with FullyShardedDataParallel.state_dict_type(self.sharded, StateDictType.FULL_STATE_DICT, settings):
            whole = self.sharded.state_dict()
        return {_plain(name): value for name, value in whole.items()} if self.ranks.is_leader else {}
