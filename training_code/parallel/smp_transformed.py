"""The degrees of SageMaker's library: its transform divides a class of transformers by matrices, sequences or experts.

Never executed outside AWS, nor on it: tests run a stub, which divides such classes on top of torch as the documentation
of the library says.

Weights begin as the workload's: the first rank makes all of them on its host, the transform deals them out to the ranks
that divide its matrices, and FSDP to the others, as the library has it for fine-tuning. Names are the library's own
from then on, and its parts are not this project's: checkpoints keep each part under its number, and are taken up by
runs that divide as much. What is gathered has Hugging Face's names, which the library turns it into.

Sources, read 2026-11: "The SageMaker model parallel library v2 reference" (transform, MoEConfig, state), "Tensor
parallelism", "Context parallelism", "Expert parallelism", "Fine-tuning" and "Checkpointing using SMP", SageMaker
Developer Guide. aws/amazon-sagemaker-examples (model_parallel_v2/shared-scripts/train_lib.py) for the order of calls;
aws/sagemaker-hyperpod-training-adapter-for-nemo for what the guide leaves out: a rank is given its part of the sequence
(train_utils.get_batch_for_cp_rank), and which ranks see the same samples (dist_utils).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, cast

from torch import Tensor, nn
from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy
from torch.distributed.fsdp.wrap import CustomPolicy

from ml_contract.errors import reject
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import ModelState, OptimizerState, Stateful
from training_code.parallel import optimizer as optimizers
from training_code.parallel.ranks import Ranks
from training_code.parallel.sequence import positions
from training_code.parallel.smp_library import configuration, groups_by_name, imported, mixed, recomputed, replace
from training_code.parallel.smp_sharded import ModelParallel
from training_code.workloads.base import Workload
from training_code.workloads.counterpart import Counterpart


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> ModelParallel:
    """The workload's model in transformers' class, divided by the library and sharded.

    Raises:
        ContractError: The image does not hold the library, or the library numbers ranks otherwise.
    """
    strategy = run.strategy
    assert isinstance(strategy, SageMakerModelParallel)
    library = imported("torch.sagemaker")
    library.init(configuration(strategy, layout, run.seed))
    numbers = Numbers.checked(library.state, ranks.rank, layout)
    counterpart = workload.counterpart()
    model = _transformed(library, counterpart, run, ranks)
    layer = imported("torch.sagemaker.tensor_parallel.transformer").TransformerLayer
    layers = {name: module for name, module in model.named_modules() if isinstance(module, layer)}
    if run.activation_checkpointing == "full":
        layers = {name: recomputed(module) for name, module in layers.items()}
        for name, module in layers.items():
            replace(model, name, module)
    units = {*layers.values()}
    groups = groups_by_name(model, optimizers.groups((model,), workload, run.optimizer))
    initializer = None
    if not ranks.is_leader:
        initializer = imported("torch.sagemaker.delayed_param").DelayedParamIniter(model).get_param_init_fn()
    sharded = FullyShardedDataParallel(
        model, sharding_strategy=ShardingStrategy.HYBRID_SHARD,
        auto_wrap_policy=CustomPolicy(lambda module: module in units), mixed_precision=mixed(run),
        param_init_fn=initializer, sync_module_states=True, device_id=ranks.device, use_orig_params=True,
    )  # fmt: skip
    return Transformed(run, workload, ranks, layout, sharded, groups, counterpart, numbers)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """This rank's among those that divide matrices, share sequences, and divide experts."""

    tensor: int
    context: int
    expert: int

    @classmethod
    def checked(cls, state: Any, rank: int, layout: Layout) -> Numbers:
        """The library's, held against ours: which samples and which positions a rank sees rests on them.

        Args:
            state: ``torch.sagemaker.state``; numbers of what is not divided may be None there.
            rank: Among all.
            layout: Degrees.

        Raises:
            ContractError: They differ.
        """
        found = cls(tensor=state.tp_rank or 0, context=getattr(state, "cp_rank", 0) or 0,
                    expert=getattr(state, "ep_rank", 0) or 0)  # fmt: skip
        mine = (rank % layout.tensor, rank // layout.tensor % layout.context)
        if (found.tensor, found.context) != mine:
            reject("rank", rank, f"the library numbers it {(found.tensor, found.context)} among those of tensor and"
                   f" context, and the order of samples wants {mine}",
                   "Report it, and take ModelParallel(…) meanwhile.")  # fmt: skip
        return found


def _transformed(library: Any, counterpart: Counterpart, run: TrainingRun, ranks: Ranks) -> nn.Module:
    # Which leaves buffers real: parameters alone are put on the meta device.
    empty = imported("accelerate").init_empty_weights
    with empty():
        model = counterpart.build()
    ranks.all_or_none(lambda: counterpart.fill(model, run.seed) if ranks.is_leader else None)
    if counterpart.balance is None:
        return cast(nn.Module, library.transform(model, load_state_dict_from_rank0=True))
    settings = imported("torch.sagemaker.moe.moe_config").MoEConfig(
        smp_moe=True, random_seed=run.seed, moe_load_balancing="aux_loss" if counterpart.balance else "none",
        moe_aux_loss_coeff=counterpart.balance, moe_z_loss_coeff=0.0, use_cpu_initialization=ranks.is_leader,
    )  # fmt: skip
    with contextlib.nullcontext() if ranks.is_leader else empty():
        return cast(nn.Module, library.transform(model, config=settings, load_state_dict_from_rank0=True))


# Both are what they wrap: a checkpoint knows by these classes that a state is sharded.
@dataclass(frozen=True)
class ModelPart(ModelState):
    """What a rank holds of the parts into which the library divides a model: others have the same names."""

    part: str

    def state_dict(self) -> dict[str, Any]:
        return {self.part: super().state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict[self.part])


@dataclass(frozen=True)
class OptimizerPart(OptimizerState):
    """The optimiser's state of a :class:`ModelPart`."""

    part: str

    def state_dict(self) -> dict[str, Any]:
        return {self.part: super().state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict[self.part])


class Transformed(ModelParallel):
    """A model that the library divides, and shards of its parts."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout,
        sharded: FullyShardedDataParallel, groups: list[dict[str, Any]], counterpart: Counterpart, numbers: Numbers,
    ) -> None:  # fmt: skip
        super().__init__(run, workload, ranks, layout, sharded, groups)
        self.counterpart, self.numbers = counterpart, numbers
        self.model.register_forward_hook(lambda _module, _given, outputs: counterpart.scores(outputs))

    @property
    def data_rank(self) -> int:
        return self.ranks.rank // (self.layout.tensor * self.layout.context)

    def arguments(self, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        arguments, targets = self.workload.split(batch)
        if self.layout.context > 1:
            here = positions(targets.shape[1], self.numbers.context, self.layout.context).to(targets.device)
            arguments, targets = self.workload.at(arguments, targets, here)
        return (), self.counterpart.named(arguments), targets

    def state(self) -> dict[str, Stateful]:
        strategy = self.run.strategy
        assert isinstance(strategy, SageMakerModelParallel)
        # In the names of entries, so that a run that divides otherwise is told which ones there are.
        suffix = f" of smp with tensor={strategy.tensor}, expert={strategy.expert}"
        part = f"tensor {self.numbers.tensor}, expert {self.numbers.expert}"
        found = super().state()
        del found["model"], found["optimizer"]
        return found | {
            f"model{suffix}": ModelPart(self.sharded, part),
            f"optimizer{suffix}": OptimizerPart(self.sharded, self.optimizer, part),
        }

    def gather(self) -> dict[str, Tensor]:
        found = super().gather()
        return self.counterpart.ours(found) if self.ranks.is_leader else {}
