"""Strategies that live in images of their own. Never executed outside AWS; their contract is tested against stubs."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.training.layout import Layout, World, divided, on_one_host
from ml_contract.training.strategies import ParallelStrategy
from ml_contract.values import value_object


@value_object
class SageMakerModelParallel(ParallelStrategy):
    """SageMaker's model parallel library v2 (``torch.sagemaker``), over FSDP.

    ``tensor``, ``context`` and ``expert`` are the library's, which divides by them the classes of transformers that its
    transform knows. A run with one of them above 1 trains its workload's model in that class, and its checkpoints are
    taken up by runs with the same ``tensor`` and ``expert`` alone; its artifact is that of every other strategy.
    """

    kind = "smp"
    hybrid_shard_degree: int = 0
    """Ranks among which parameters are divided, those that share a sequence among them; 0 takes all that ``tensor`` and
    ``expert`` leave."""
    activation_offloading: bool = False
    """What checkpointed blocks keep for backward waits in host memory; wants ``activation_checkpointing="full"``."""
    activation_loading_horizon: int = 2
    """Blocks whose kept inputs are on the device at one time."""
    tensor: int = 1
    """Ranks among which each matrix is divided, by Transformer Engine; stays on one host."""
    context: int = 1
    """Ranks among which a sequence is divided, of those that ``hybrid_shard_degree`` counts."""
    expert: int = 1
    """Ranks among which the experts of a mixture are divided; each has samples of its own. Not with ``tensor``."""

    @property
    def transforms(self) -> bool:
        """Whether the library divides the model itself, in transformers' class."""
        return max(self.tensor, self.context, self.expert) > 1

    @property
    def modules(self) -> tuple[str, ...]:
        return ("torch.sagemaker", *(("transformers", "accelerate") if self.transforms else ()))

    def __post_init__(self) -> None:
        at_least("hybrid_shard_degree", self.hybrid_shard_degree, 0)
        if self.hybrid_shard_degree == 1:
            reject("hybrid_shard_degree", 1, "nothing would be divided", "Give 0 for all ranks, or take Ddp().")
        between("activation_loading_horizon", self.activation_loading_horizon, 1, 16)
        for name in ("tensor", "context", "expert"):
            at_least(name, getattr(self, name), 1)
        if self.expert > 1 and self.tensor > 1:
            reject("expert", self.expert, f"the library has no expert parallelism beside tensor ({self.tensor})",
                   "Leave one of them out.")  # fmt: skip

    def layout(self, world: World) -> Layout:
        """Ranks with different experts are copies of each other in all else, and count as ``replicate``.

        Source of the products: aws/sagemaker-hyperpod-training-adapter-for-nemo, validate_distributed_degrees: shard,
        tensor and expert degree divide the world together, and a context degree lies within the shards.
        """
        on_one_host("tensor", self.tensor, world)
        rest = divided("tensor", self.tensor, world.size, "the world")
        rest = divided("expert", self.expert, rest, "the ranks left by tensor")
        share = self.hybrid_shard_degree or rest
        if share == 1:
            reject("hybrid_shard_degree", share, "tensor and expert leave one rank, and nothing to divide parameters"
                   " among", "Take more ranks, a smaller tensor or expert, or Ddp() for one.")  # fmt: skip
        replicate = divided("hybrid_shard_degree", share, rest, "the ranks left by tensor and expert")
        shard = divided("context", self.context, share, "the ranks that share parameters")
        return Layout(replicate=replicate * self.expert, shard=shard, context=self.context, tensor=self.tensor)


@value_object
class SageMakerDataParallel(ParallelStrategy):
    """SageMaker's data parallel library: the backend ``smddp`` below DDP."""

    kind = "smddp"
    modules = ("smdistributed.dataparallel",)

    def layout(self, world: World) -> Layout:
        return Layout(replicate=world.size)


@value_object
class Mpi(ParallelStrategy):
    """DDP whose ranks mpirun starts, for images with Open MPI."""

    kind = "mpi"
    launcher: ClassVar = "mpirun"
    options: tuple[str, ...] = ()
    """Further arguments of mpirun."""

    def layout(self, world: World) -> Layout:
        return Layout(replicate=world.size)


@value_object
class Horovod(ParallelStrategy):
    """Horovod's all-reduce over MPI: legacy, in an image of your own."""

    kind = "horovod"
    launcher: ClassVar = "mpirun"
    modules = ("horovod.torch",)

    def layout(self, world: World) -> Layout:
        return Layout(replicate=world.size)


class TrainingCompiler:
    """SageMaker Training Compiler, which has ended: its images stop at PyTorch 1.13.1."""

    def __init__(self, **_: object) -> NoReturn:
        reject("strategy", "TrainingCompiler", "SageMaker Training Compiler has ended; its images stop at PyTorch 1.13",
               "Use compile_blocks=True, which is torch.compile, with any strategy.")  # fmt: skip
