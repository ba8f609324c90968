"""Strategies that live in images of their own. Never executed outside AWS; their contract is tested against stubs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NoReturn

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.training.layout import Layout, World, divided, on_one_host
from ml_contract.training.strategies import ParallelStrategy


@dataclass(frozen=True, kw_only=True)
class SageMakerModelParallel(ParallelStrategy):
    """SageMaker's model parallel library v2 (``torch.sagemaker``), over FSDP."""

    kind = "smp"
    modules = ("torch.sagemaker",)
    hybrid_shard_degree: int = 0
    """Ranks among which parameters are divided; 0 takes all of them."""
    activation_offloading: bool = False
    """Activations wait in host memory."""
    activation_loading_horizon: int = 2
    """Blocks whose activations are fetched ahead."""
    tensor: int = 1
    context: int = 1
    expert: int = 1

    def __post_init__(self) -> None:
        at_least("hybrid_shard_degree", self.hybrid_shard_degree, 0)
        between("activation_loading_horizon", self.activation_loading_horizon, 1, 16)
        for name in ("tensor", "context", "expert"):
            at_least(name, getattr(self, name), 1)

    def layout(self, world: World) -> Layout:
        on_one_host("tensor", self.tensor, world)
        rest = divided("tensor", self.tensor, world.size, "the world")
        rest = divided("context", self.context, rest, "the ranks left by tensor")
        shard = self.hybrid_shard_degree or rest
        replicate = divided("hybrid_shard_degree", shard, rest, "the ranks left by tensor and context")
        divided("expert", self.expert, rest, "the ranks left by tensor and context")
        return Layout(replicate=replicate, shard=shard, context=self.context, tensor=self.tensor)


@dataclass(frozen=True, kw_only=True)
class SageMakerDataParallel(ParallelStrategy):
    """SageMaker's data parallel library: the backend ``smddp`` below DDP."""

    kind = "smddp"
    modules = ("smdistributed.dataparallel",)

    def layout(self, world: World) -> Layout:
        return Layout(replicate=world.size)


@dataclass(frozen=True, kw_only=True)
class Mpi(ParallelStrategy):
    """DDP whose ranks mpirun starts, for images with Open MPI."""

    kind = "mpi"
    launcher: ClassVar = "mpirun"
    options: tuple[str, ...] = ()
    """Further arguments of mpirun."""

    def layout(self, world: World) -> Layout:
        return Layout(replicate=world.size)


@dataclass(frozen=True, kw_only=True)
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
