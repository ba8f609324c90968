"""A training run: everything that crosses the wall into a training container, as hyperparameters."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from ml_contract.checks import at_least, between, multiple
from ml_contract.errors import reject
from ml_contract.training.aws_strategies import Horovod, Mpi, SageMakerDataParallel, SageMakerModelParallel
from ml_contract.training.layout import Layout, World, divided
from ml_contract.training.optimization import AdamW, Constant, Cosine, Precision, Wsd
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel
from ml_contract.training.surroundings import Checkpointing, Loading, Watching
from ml_contract.values import value_object
from ml_contract.workloads import ArrCoc, BytesLm, Digits, Llama

Strategy = (
    Ddp | Fsdp | ModelParallel | DeepSpeed | SageMakerModelParallel | SageMakerDataParallel | Mpi | Horovod
)  # fmt: skip


@value_object
class TrainingRun:
    """One training run. A field that is an object crosses as one JSON hyperparameter, tagged with its kind."""

    workload: BytesLm | Digits | Llama | ArrCoc
    """What is learned: the model's shape and its data's."""
    strategy: Strategy = field(default_factory=Fsdp)
    """How it is spread over the ranks."""
    optimizer: AdamW
    schedule: Constant | Cosine | Wsd = field(default_factory=Cosine)
    global_batch_size: int
    """Samples of one optimiser step, over all ranks: the same whatever the world."""
    micro_batch_size: int | None = None
    """Samples of one forward pass of a data rank; gradients of several add up to a step. None: no accumulation."""
    steps: int | None = None
    """Optimiser steps of the whole run; either this or ``epochs``."""
    epochs: int | None = None
    """Passes over the data, the last batch of the run being whole."""
    seed: int = 0
    """Of the weights and of the order of samples."""
    precision: Precision = field(default_factory=Precision)
    activation_checkpointing: Literal["none", "selective", "full"] = "none"
    """full computes each block's activations again in backward; selective keeps those of matrix products."""
    compile_blocks: bool = False
    """torch.compile, block by block."""
    loading: Loading = field(default_factory=Loading)
    checkpointing: Checkpointing = field(default_factory=Checkpointing)
    checkpoint_uri: str | None = None
    """Where checkpoints go, ``s3://bucket/prefix`` or ``file:///folder``; the pipeline gives it. None keeps none."""
    watching: Watching = field(default_factory=Watching)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            reject("steps", self.steps, f"either steps or epochs is given (epochs is {self.epochs})", "Give one.")
        for name in ("steps", "epochs", "micro_batch_size"):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), 1)
        at_least("global_batch_size", self.global_batch_size, 1)
        between("seed", self.seed, 0, 2**32 - 1)
        if self.steps is not None:
            between("schedule.warmup_steps", self.schedule.warmup_steps, 0, self.steps - 1)
        if isinstance(self.strategy, DeepSpeed):
            self._check_deepspeed(self.strategy)
        if isinstance(self.strategy, SageMakerModelParallel):
            self._check_smp(self.strategy)

    def _check_deepspeed(self, strategy: DeepSpeed) -> None:
        if self.precision.compute == "float8":
            reject("precision.compute", "float8", "DeepSpeed's engine has no float8 products", "Take Fsdp().")
        if self.workload.freezes:
            # Its partitions have one step count, and gradients of zero for what has none: a base that is held still
            # shrinks by weight decay, and learns later with the corrections of an older one.
            reject("strategy", f"deepspeed, stage {strategy.stage}", f"the workload {self.workload.kind} holds parts"
                   " still for some steps, and ZeRO updates all parameters in every step",
                   "Take Fsdp(), which divides the same, or let all parts learn from the start: workload.head_share=0."
            )  # fmt: skip
        if self.compile_blocks and strategy.stage == 3:
            reject("compile_blocks", True, "stage 3 gathers parameters in hooks, on which every compiled block breaks",
                   "Leave compile_blocks out, or take Fsdp(), which divides the same and compiles.")  # fmt: skip

    def _check_smp(self, strategy: SageMakerModelParallel) -> None:
        if strategy.transforms:
            self.workload.check_transform(tensor=strategy.tensor, context=strategy.context, expert=strategy.expert)
            # The library's layers are Transformer Engine's.
            if self.activation_checkpointing == "selective":
                reject("activation_checkpointing", "selective", "the library's own layers are computed again as a whole"
                       " or not at all", 'Give "full" or "none".')  # fmt: skip
            if self.compile_blocks:
                reject("compile_blocks", True, "the library's own layers are not compiled",
                       "Leave compile_blocks out, or take ModelParallel(…).")  # fmt: skip
        if self.precision.compute == "float8":
            reject("precision.compute", "float8", "the library's is Transformer Engine's, for the models of its"
                   " transform", "Take Fsdp().")  # fmt: skip
        if strategy.activation_offloading and self.activation_checkpointing != "full":
            reject("strategy.activation_offloading", True, "what is offloaded is what checkpointed blocks keep",
                   'Give activation_checkpointing="full".')  # fmt: skip
        if strategy.activation_offloading and self.compile_blocks:
            reject("compile_blocks", True, "the library hooks into checkpointed blocks to offload what they keep",
                   "Leave compile_blocks out, or activation_offloading.")  # fmt: skip
        if self.workload.freezes:
            reject("strategy", "smp", f"the workload {self.workload.kind} holds parts still for some steps, which the"
                   " flat parameters of torch's first FSDP cannot", "Take Fsdp(), which divides the same.")  # fmt: skip

    def batching(self, layout: Layout) -> tuple[int, int]:
        """Samples of a forward pass and passes of a step, of one data rank.

        Raises:
            ContractError: The batch cannot be divided so.
        """
        multiple("global_batch_size", self.global_batch_size, layout.data, "the ranks that load data")
        mine = self.global_batch_size // layout.data
        micro = self.micro_batch_size or mine
        return micro, divided("micro_batch_size", micro, mine, "global_batch_size / data ranks")

    def bind(self, world: World) -> Layout:
        """Hold the run against a world: degrees, batch, and what the workload says of both.

        Raises:
            ContractError: Something does not fit.
        """
        layout = self.strategy.layout(world)
        micro, _ = self.batching(layout)
        pipeline = self.strategy.pipeline if isinstance(self.strategy, ModelParallel) else None
        if pipeline is not None:
            divided("pipeline.micro_batches", pipeline.micro_batches, micro, "the samples of a forward pass")
        self.workload.check_layout(layout, parts=pipeline.parts if pipeline else 1)
        return layout
