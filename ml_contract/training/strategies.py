"""Parallel strategies: one class each. What runs them is training_code.parallel; what deploys them, the constructs."""

from __future__ import annotations

from typing import ClassVar, Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.training.layout import Layout, World, divided, on_one_host
from ml_contract.values import value_object


@value_object
class ParallelStrategy:
    """How a model is spread over the ranks of a job."""

    kind: ClassVar[str]
    launcher: ClassVar[Literal["torchrun", "mpirun"]] = "torchrun"
    """What starts the ranks."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What the image must hold beside torch."""
        return ()

    def layout(self, world: World) -> Layout:
        """The world divided as this strategy does. Raises ContractError where a degree does not fit."""
        raise NotImplementedError


@value_object
class Ddp(ParallelStrategy):
    """Every rank holds the whole model; gradients are averaged in buckets while backward runs."""

    kind = "ddp"
    bucket_mib: int = 25
    """Size of a bucket; a larger one is fewer, later exchanges."""

    def __post_init__(self) -> None:
        between("bucket_mib", self.bucket_mib, 1, 1024)

    def layout(self, world: World) -> Layout:
        return Layout(replicate=world.size)


@value_object
class Fsdp(ParallelStrategy):
    """FSDP2: parameters, gradients and optimiser state are divided block by block (``fully_shard``)."""

    kind = "fsdp"
    sharding: Literal["full", "shard_grad_op", "hybrid"] = "full"
    """full: parameters are gathered for forward and again for backward. shard_grad_op: they stay gathered in between,
    which saves one exchange and costs their memory. hybrid: divided within a host, copied from host to host."""
    prefetch_forward: int = 0
    """Blocks whose parameters are asked for ahead of forward; 0 leaves FSDP's own one."""
    prefetch_backward: int = 0
    """The same for backward."""
    cpu_offload: bool = False
    """Keep parameters, gradients and optimiser state in host memory, and update there."""
    accumulate: Literal["sharded", "whole"] = "sharded"
    """What gradients add up as over the micro-batches of a step. sharded: each backward exchanges them within the
    shards, so that a rank keeps its part alone; copies are averaged once a step. whole: they are exchanged once a step,
    which saves that for all micro-batches but the last and costs a rank the gradients of the whole model. A pipeline's
    schedule makes them whole."""

    def __post_init__(self) -> None:
        between("prefetch_forward", self.prefetch_forward, 0, 16)
        between("prefetch_backward", self.prefetch_backward, 0, 16)

    def layout(self, world: World) -> Layout:
        if self.sharding == "hybrid":
            return Layout(replicate=world.hosts, shard=world.ranks_per_host)
        return Layout(shard=world.size)


@value_object
class Pipeline:
    """The model cut into stages, one after the other."""

    stages: int
    """Groups of ranks that hold a part of the blocks each."""
    micro_batches: int
    """Parts of a rank's batch that are under way at one time; the bubble is about (stages - 1) / micro_batches."""
    schedule: Literal["1f1b", "interleaved"] = "1f1b"
    """1f1b: one forward, one backward (arXiv 2104.04473). interleaved: each rank holds several parts of the model."""
    chunks: int = 2
    """Parts of the model a rank with the interleaved schedule; 1f1b has one."""

    def __post_init__(self) -> None:
        at_least("stages", self.stages, 2)
        at_least("micro_batches", self.micro_batches, self.stages)
        between("chunks", self.chunks, 2, 8)
        if self.schedule == "interleaved" and self.micro_batches % self.stages:
            reject("micro_batches", self.micro_batches, f"the interleaved schedule wants a multiple of stages"
                   f" ({self.stages})", f"Give {self.micro_batches // self.stages * self.stages}.")  # fmt: skip

    @property
    def parts(self) -> int:
        """Parts into which the blocks are cut."""
        return self.stages * (self.chunks if self.schedule == "interleaved" else 1)


@value_object
class ModelParallel(ParallelStrategy):
    """Tensor, pipeline and context parallel, alone or over FSDP: one device mesh."""

    kind = "model_parallel"
    tensor: int = 1
    """Ranks among which each matrix is divided (arXiv 1909.08053); stays on one host."""
    context: int = 1
    """Ranks among which a sequence is divided; each gathers keys and values of all (arXiv 2407.21783, 3.3.2)."""
    pipeline: Pipeline | None = None
    """Stages; none by default."""
    data: Ddp | Fsdp | None = None
    """What the remaining ranks do; None demands that there be none but one group."""

    def __post_init__(self) -> None:
        at_least("tensor", self.tensor, 1)
        at_least("context", self.context, 1)
        if self.tensor == self.context == 1 and self.pipeline is None:
            reject("model_parallel", "tensor=1, context=1, pipeline=None", "it divides nothing",
                   "Take its data strategy itself, Ddp(…) or Fsdp(…).")  # fmt: skip
        if self.pipeline is not None and isinstance(self.data, Fsdp) and self.data.cpu_offload:
            reject("data.cpu_offload", True, "stages keep several micro-batches under way on the device",
                   "Leave cpu_offload out, or leave the pipeline out.")  # fmt: skip

    def layout(self, world: World) -> Layout:
        on_one_host("tensor", self.tensor, world)
        rest = divided("tensor", self.tensor, world.size, "the world")
        rest = divided("context", self.context, rest, "the ranks left by tensor")
        stages = self.pipeline.stages if self.pipeline else 1
        rest = divided("pipeline.stages", stages, rest, "the ranks left by tensor and context")
        parts = {"pipeline": stages, "context": self.context, "tensor": self.tensor}
        if self.data is None:
            if rest > 1:
                reject("data", None, f"{rest} groups of ranks would train the same without exchanging gradients",
                       "Give data=Fsdp(), or degrees whose product is the world.")  # fmt: skip
            return Layout(**parts)
        if isinstance(self.data, Ddp):
            return Layout(replicate=rest, **parts)
        if self.data.sharding == "hybrid":
            # Of a stage that lies within a host, all data ranks are neighbours.
            shard = min(rest, max(1, world.ranks_per_host // (self.tensor * self.context)))
            return Layout(replicate=divided("data.sharding", shard, rest, "the data ranks"), shard=shard, **parts)
        return Layout(shard=rest, **parts)


@value_object
class CpuOffload:
    """Into host memory."""

    kind: ClassVar[str] = "cpu"
    pin_memory: bool = True
    """Pages that the device copies to directly."""


@value_object
class NvmeOffload:
    """Onto a local disk (ZeRO-Infinity, arXiv 2104.07857), but for what is smaller than 1 MiB a rank. The image needs
    libaio and a compiler. Executed on CPUs with files, never on an instance store or with a GPU."""

    kind: ClassVar[str] = "nvme"
    path: str = "/tmp/nvme"  # noqa: S108  (SageMaker mounts the instance store at /tmp)
    """Folder on the instance store; it is made where the one above it exists."""
    buffer_count: int = 5
    """Buffers in host memory. Of parameters: one for each that is gathered or on its way. Of optimiser state: 4 for the
    sub-group that is updated (values, gradients, two moments)."""

    def __post_init__(self) -> None:
        between("buffer_count", self.buffer_count, 1, 64)
        if not self.path.startswith("/"):
            reject("path", self.path, "it must be absolute", "Write it like /tmp/nvme.")


@value_object
class DeepSpeed(ParallelStrategy):
    """ZeRO (arXiv 1910.02054) by DeepSpeed. Its configuration is generated from this, never kept by hand."""

    kind = "deepspeed"
    modules = ("deepspeed",)
    stage: Literal[1, 2, 3]
    """1 divides optimiser state, 2 gradients too, 3 parameters too."""
    offload_optimizer: CpuOffload | NvmeOffload | None = None
    """Where optimiser state lives; None keeps it on the device."""
    offload_parameters: CpuOffload | NvmeOffload | None = None
    """Where parameters live, with stage 3; None keeps them on the device."""
    bucket_mib: int = 200
    """Size of an exchange."""

    def __post_init__(self) -> None:
        between("bucket_mib", self.bucket_mib, 1, 4096)
        if self.offload_parameters is not None and self.stage != 3:
            reject("offload_parameters", self.offload_parameters.kind, f"stage {self.stage} does not divide parameters",
                   "Take stage=3, or leave it out.")  # fmt: skip
        if isinstance(self.offload_optimizer, NvmeOffload) and self.stage != 3:
            reject("offload_optimizer", "nvme", f"stage {self.stage} offloads to host memory only",
                   "Take stage=3, or CpuOffload().")  # fmt: skip
        if isinstance(self.offload_optimizer, NvmeOffload):
            at_least("offload_optimizer.buffer_count", self.offload_optimizer.buffer_count, 4)

    def layout(self, world: World) -> Layout:
        return Layout(shard=world.size)
