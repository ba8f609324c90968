"""Runs that people submit to a cluster, as an environment holds them."""

from __future__ import annotations

from abc import abstractmethod

from constructs import Construct
from pydantic import Field, SerializeAsAny

from constructs_lib.hyperpod.eks.queues import Placement
from constructs_lib.hyperpod.eks.recovery import Recovery
from constructs_lib.hyperpod.eks.volumes import ClaimedVolume
from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.hyperpod.jobs.kubernetes import KubernetesJob
from constructs_lib.hyperpod.jobs.places import (
    ArchivedCode,
    FolderChannel,
    JobCheckpoints,
    S3Checkpoints,
    SharedCheckpoints,
)
from constructs_lib.hyperpod.jobs.slurm import SlurmJob
from constructs_lib.hyperpod.jobs.slurm_terms import SlurmTerms
from constructs_lib.storage import DATASETS, Storage
from constructs_lib.training import CodeBundle, EcrImage, Location, TrainingResources
from constructs_lib.training.steps import StreamChannel
from constructs_lib.values import Value
from ml_contract.training.run import TrainingRun


class ClusterRun(Value):
    """A run that ``trainyard cluster submit NAME`` starts; deploying starts nothing."""

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,62}$")
    """Name, by which it is submitted."""
    run: TrainingRun
    """What is trained and how."""
    resources: TrainingResources
    """Nodes: type, number and the disk space that each must have free."""
    data: tuple[FolderChannel, ...] | str
    """Folders that every node sees, ``train`` among them; or a prefix below ``datasets/`` of the data bucket, from
    which the trainer reads itself."""
    checkpoints: SharedCheckpoints | None = None
    """A folder that every node sees; by default the environment's checkpoint bucket."""

    @abstractmethod
    def job(self, code: CodeBundle, storage: Storage, *, cluster: str) -> ClusterJob:
        """The job.

        Args:
            code: Launcher and trainer.
            storage: The environment's buckets.
            cluster: Name of the cluster within the environment.
        """

    def source(self, storage: Storage) -> tuple[FolderChannel, ...] | StreamChannel:
        """Where the data is."""
        if isinstance(self.data, str):
            return StreamChannel(source=Location(bucket=storage.data, prefix=f"{DATASETS}/{self.data}"))
        return self.data

    def kept(self, storage: Storage, cluster: str) -> JobCheckpoints:
        """Where state goes."""
        if self.checkpoints is not None:
            return self.checkpoints
        prefix = f"clusters/{cluster}/{self.name}"
        return S3Checkpoints(location=Location(bucket=storage.checkpoints, prefix=prefix))


class SlurmRun(ClusterRun, SlurmTerms):
    """A run of a Slurm cluster."""

    partition: str
    """Partition whose nodes it takes."""

    def job(self, code: CodeBundle, storage: Storage, *, cluster: str) -> SlurmJob:
        return SlurmJob(
            name=self.name, run=self.run, resources=self.resources, code=ArchivedCode(bundle=code),
            data=self.source(storage), checkpoints=self.kept(storage, cluster),
            **{name: getattr(self, name) for name in SlurmTerms.model_fields},
        )  # fmt: skip


class EksRun(ClusterRun):
    """A run of an EKS cluster."""

    container: EcrImage
    """The image, with HyperPod's elastic agent in it: images/hyperpod/Dockerfile."""
    placement: SerializeAsAny[Placement]
    """Namespace and queue."""
    service_account: str
    """Service account of the pods, which get a role of their own."""
    memory_gib: int = Field(ge=1)
    """Memory of each pod, GiB, with its shared memory."""
    shared_memory_gib: int = Field(ge=1)
    """Of it in /dev/shm, GiB."""
    tiered_percent: int = 0
    """Share of the nodes' memory that the cluster keeps for AWS's managed tiered checkpoints, per cent; none by
    default."""
    checkpoint_memory_gib: int | None = None
    """Of ``memory_gib``, GiB of each node for the run's own commits in memory; with ``run.checkpointing.memory``."""
    recovery: Recovery
    """When ranks and pods are started again."""
    volumes: tuple[ClaimedVolume, ...] = ()
    """Claims that its pods mount; none by default."""
    only_checked: bool = False
    """Whether pods go only to nodes that passed deep health checks."""

    def job(self, code: CodeBundle, storage: Storage, *, cluster: str) -> KubernetesJob:
        return KubernetesJob(
            name=self.name, run=self.run, resources=self.resources, code=ArchivedCode(bundle=code),
            data=self.source(storage), checkpoints=self.kept(storage, cluster), container=self.container,
            placement=self.placement, service_account=self.service_account, memory_gib=self.memory_gib,
            shared_memory_gib=self.shared_memory_gib, tiered_percent=self.tiered_percent,
            checkpoint_memory_gib=self.checkpoint_memory_gib, recovery=self.recovery, volumes=self.volumes,
            only_checked=self.only_checked,
        )  # fmt: skip


def code_of(scope: Construct) -> CodeBundle:
    """Launcher and trainer, as an asset of the cluster's stack."""
    return CodeBundle(scope, "TrainingCode", packages=("ml_contract", "training_code"))
