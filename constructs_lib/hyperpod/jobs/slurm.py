"""A training run as a job of Slurm."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Self

from pydantic import model_validator

from constructs_lib.hyperpod.jobs import sbatch
from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.places import FolderCode, SharedCheckpoints
from constructs_lib.hyperpod.jobs.runtimes import PyxisContainer, VirtualEnvironment
from constructs_lib.hyperpod.jobs.slurm_terms import SlurmTerms
from constructs_lib.training import strategy
from constructs_lib.training.channels import StreamChannel
from constructs_lib.training.image import ContainerImage
from ml_contract.clusters import jobs as contract
from ml_contract.errors import reject
from ml_contract.images import SMDDP, SMP


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
        # Its terms are fields of its own.
        return sbatch.text(self, self)
