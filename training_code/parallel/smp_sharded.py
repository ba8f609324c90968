"""A model that torch's first FSDP has sharded under SageMaker's library: its optimiser, state and whole weights."""

from __future__ import annotations

from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import offload_wrapper
from torch.distributed.fsdp import FullStateDictConfig, FullyShardedDataParallel, StateDictType

from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import ModelState, OptimizerState, Stateful
from training_code.parallel.ranks import Ranks
from training_code.parallel.smp_library import imported, plain
from training_code.parallel.torch_native import TorchNative
from training_code.workloads.base import Workload


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
        parts = {plain(name): parameter for name, parameter in self.sharded.named_parameters()}
        return [{**group, "params": [parts[name] for name in group["params"]]} for group in self.groups]

    def clip(self, largest: float) -> float:
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
            # Ranks hold different gradients: all of them skip a step whose gradients overflowed on one.
            for overflow in self.scaler._found_inf_per_device(self.optimizer).values():
                dist.all_reduce(overflow, dist.ReduceOp.MAX)
        return float(imported("torch.sagemaker.grad_norm").clip_grad_norm_(self.sharded, largest))

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
        return {plain(name): value for name, value in whole.items()} if self.ranks.is_leader else {}
