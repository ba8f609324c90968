"""A training run as a job of Slurm."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.jobs import sbatch
from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.places import PATH, FolderCode, SharedCheckpoints
from constructs_lib.hyperpod.jobs.runtimes import PyxisContainer, VirtualEnvironment
from constructs_lib.training import strategy
from constructs_lib.training.channels import StreamChannel
from constructs_lib.training.image import ContainerImage
from constructs_lib.values import Value
from ml_contract.clusters import jobs as contract
from ml_contract.errors import reject
from ml_contract.images import SMDDP, SMP

_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"


class SlurmTerms(Value):
    """What a run asks of Slurm, and what becomes of it there."""

    runtime: VirtualEnvironment | PyxisContainer
    """What the nodes run Python in."""
    output: str = Field(pattern=PATH)
    """Folder that every node sees: below it each submission has its log, hyperparameters, model and failures. Slurm
    does not make it: ``trainyard cluster submit`` does."""
    time_limit_minutes: int = Field(ge=4, le=365 * 24 * 60)
    """Time of one stay on the nodes, in minutes; the trainer saves in the last two."""
    at_limit: Literal["requeue", "end"] = "requeue"
    """Whether a run that was saved at the limit queues for another stay, the default, or ends there."""
    retries: int = Field(default=2, ge=0, le=100)
    """How often a submission that failed queues again, twice by default: a rank was killed, and its node stayed. Lost
    nodes do not count, and what every node refuses before it trains is not tried again."""
    partition: str | None = Field(default=None, pattern=_NAME)
    """Partition; the cluster's default by default."""
    account: str | None = Field(default=None, pattern=_NAME)
    """Account of Slurm that pays; the user's own by default."""


class SlurmJob(ClusterJob, SlurmTerms):
    """A training run as an sbatch script."""

    kind: ClassVar[contract.Kind] = "slurm"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.run.checkpointing.memory is not None:
            reject("run.checkpointing.memory", "MemoryTier", "tiered checkpoints are for clusters that Kubernetes"
                   " schedules; Slurm requeues to any nodes, and nothing frees the memory of those that are left",
                   "Leave it out, or take an EKS cluster.")  # fmt: skip
        modules = set(self.run.strategy.modules) & (SMP.modules | SMDDP.modules)
        if isinstance(self.runtime, VirtualEnvironment):
            if modules:
                kind = self.run.strategy.kind
                reject("runtime", self.runtime.path, f"the strategy {kind} needs {min(modules)} of AWS's own images",
                       "Take PyxisContainer(image=DeepLearningImage(image=…), …).")  # fmt: skip
            return self
        for field, path in self._places():
            if not any(f"{path}/".startswith(f"{mount}/") for mount in self.runtime.mounts):
                reject(field, path, f"the container sees {', '.join(self.runtime.mounts)} alone",
                       "Add the folder to runtime.mounts.")  # fmt: skip
        return self

    def _places(self) -> list[tuple[str, str]]:
        found = [("output", self.output)]
        if isinstance(self.code, FolderCode):
            found.append(("code.path", self.code.path))
        if isinstance(self.checkpoints, SharedCheckpoints):
            found.append(("checkpoints.path", self.checkpoints.path))
        if not isinstance(self.data, StreamChannel):
            found += [(f"data.{channel.name}", channel.path) for channel in self.data]
        return found

    @property
    def image(self) -> ContainerImage | None:
        return self.runtime.image if isinstance(self.runtime, PyxisContainer) else None

    @property
    def bound(self) -> strategy.StrategyBinding:
        found = super().bound
        if self.image is not None:
            return found
        # What an image may lack is said of one that this job does not run in.
        return dataclasses.replace(found, notes=tuple(note for note in found.notes if not note.startswith("image:")))

    def text(self) -> str:
        return sbatch.text(self)
