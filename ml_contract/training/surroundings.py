"""What surrounds the step of a run: loading, checkpoints, watching."""

from __future__ import annotations

from typing import Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.values import value_object


@value_object
class Loading:
    """How samples reach a rank."""

    workers: int = 0
    """Processes that load data, a rank; 0 loads in the trainer itself."""
    stream_uri: str | None = None
    """``s3://bucket/prefix`` to read shards from while training, instead of from the channel."""
    buffer_mib: int = 256
    """Memory a rank that streaming may take."""

    def __post_init__(self) -> None:
        between("workers", self.workers, 0, 64)
        between("buffer_mib", self.buffer_mib, 16, 2**20)
        if self.stream_uri is not None and not self.stream_uri.startswith("s3://"):
            reject("stream_uri", self.stream_uri, "it must be s3://bucket/prefix", "Leave it out to read the channel.")


@value_object
class MemoryTier:
    """Checkpoints in the memory of the nodes, between those at the durable place; for clusters that Kubernetes
    schedules."""

    every_steps: int
    """Steps between them, fewer than between durable ones. A step that both are due for goes to the durable place."""
    copies: int = 1
    """Further nodes that hold each node's shards: so many nodes may be lost together. Where there are not that many
    other nodes, all of them do."""
    keep: int = 2
    """Newest commits that are kept, at least 2: the one before stays until the next is whole."""
    folder: str | None = None
    """Folder of every node on a tmpfs, which outlives the processes; the job gives it."""
    budget_mib: int | None = None
    """Memory of every node that the commits may take, MiB; the job gives it."""

    def __post_init__(self) -> None:
        at_least("every_steps", self.every_steps, 1)
        between("copies", self.copies, 0, 8)
        at_least("keep", self.keep, 2)
        if self.folder is not None and not self.folder.startswith("/"):
            reject("folder", self.folder, "it must be an absolute path", "Write a folder below /dev/shm.")
        if self.budget_mib is not None:
            at_least("budget_mib", self.budget_mib, 1)


@value_object
class Checkpointing:
    """When checkpoints are taken and which are kept."""

    every_steps: int = 500
    """Steps between checkpoints."""
    every_seconds: float = 420.0
    """Longest time between checkpoints; 7 minutes and the commit's lag keep lost work below 10."""
    keep_last: int = 3
    """Newest commits that are kept, at least 2."""
    keep_every: int = 0
    """Commits of steps that it divides are kept for good; 0 keeps none so."""
    keep_best: int = 0
    """Commits with the lowest loss that are kept besides."""
    mode: Literal["async", "sync"] = "async"
    """async writes in a thread beside training; sync waits for every commit."""
    begin_from: str | None = None
    """Checkpoints of another run, ``s3://bucket/prefix`` or ``file:///folder``: where this run has none of its own, it
    goes on after their newest. Workload, data, global_batch_size and seed are the same; optimiser, schedule and length
    may be others."""
    memory: MemoryTier | None = None
    """Further checkpoints in the nodes' memory, which a restart on living nodes resumes from; none by default."""

    def __post_init__(self) -> None:
        if self.begin_from is not None and not self.begin_from.startswith(("s3://", "file:///")):
            reject("begin_from", self.begin_from, "it must be s3://bucket/prefix or file:///folder",
                   "Write the checkpoint_uri of the run to begin from.")  # fmt: skip
        at_least("every_steps", self.every_steps, 1)
        between("every_seconds", self.every_seconds, 0, 86400, open_low=True)
        at_least("keep_last", self.keep_last, 2)
        at_least("keep_every", self.keep_every, 0)
        between("keep_best", self.keep_best, 0, 100)
        if self.memory is not None and self.memory.every_steps >= self.every_steps:
            reject("memory.every_steps", self.memory.every_steps, "those in memory are taken more often than durable"
                   f" ones, every {self.every_steps} steps", "Lower it, or leave memory out.")  # fmt: skip


@value_object
class Watching:
    """Who sees a run beside its log. The log's metric lines are always written."""

    every_steps: int = 1
    """Steps between metric lines."""
    tensorboard: bool = False
    """Event files in /opt/ml/output/tensorboard."""
    mlflow_uri: str | None = None
    """Tracking server, or ARN of a SageMaker MLflow app."""
    mlflow_experiment: str = "trainyard"
    wandb: Literal["off", "offline", "online"] = "off"
    """offline keeps the run in the job's output, for a network without internet."""
    subject: str | None = None
    """Whose life the job's log gives signs of, as ``ml_contract.pulse`` writes them: a pipeline. None: no signs."""
    pulse_seconds: float = 60.0
    """Time between two signs. CloudWatch keeps metrics by the minute, so more of them show nothing more."""
    profile_step: int = 0
    """First of three steps that torch.profiler records into the job's output; 0 records none."""

    def __post_init__(self) -> None:
        at_least("every_steps", self.every_steps, 1)
        at_least("profile_step", self.profile_step, 0)
        between("pulse_seconds", self.pulse_seconds, 0.1, 600)
