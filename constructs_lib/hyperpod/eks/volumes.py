"""Volumes of pods: claims on file systems that exist, and memory.

Sources, read 2026-11-22: "Static provisioning" in the documentation of aws-fsx-csi-driver and of
mountpoint-s3-csi-driver; "Use high-performance app storage with FSx for Lustre", EKS User Guide; "Volumes", Kubernetes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.values import Value
from ml_contract.errors import reject

NAME = r"^[a-z0-9](-*[a-z0-9]){0,62}$"
PATH = r"^(/[A-Za-z0-9._-]+)+$"


class PodVolume(Value, ABC):
    """A volume in every pod of a job."""

    name: str = Field(pattern=NAME)
    """Name inside the pod."""
    mount_path: str = Field(pattern=PATH)
    """Where it appears in the container."""
    read_only: bool = False
    """Whether the job only reads; it also writes by default."""

    @abstractmethod
    def source(self) -> dict[str, Any]:
        """The volume's entry, less its name."""

    def volume(self) -> dict[str, Any]:
        """Entry of ``volumes``."""
        return {"name": self.name, **self.source()}

    def mount(self) -> dict[str, Any]:
        """Entry of ``volumeMounts``."""
        return {"name": self.name, "mountPath": self.mount_path, **({"readOnly": True} if self.read_only else {})}


class ClaimedVolume(PodVolume):
    """A claim in the job's namespace."""

    claim: str = Field(pattern=NAME)
    """Name of the PersistentVolumeClaim."""

    def source(self) -> dict[str, Any]:
        return {"persistentVolumeClaim": {"claimName": self.claim}}


class HostFolder(PodVolume):
    """A folder of the host, which outlives the pod and not the host: checkpoints in memory, below /dev/shm."""

    path: str = Field(pattern=r"^/(dev/shm|opt/sagemaker|opt/dlami/nvme)(/[A-Za-z0-9._-]+)+$")
    """The folder, below the host's memory, further volume or local disks; made where it is missing."""

    def source(self) -> dict[str, Any]:
        return {"hostPath": {"path": self.path, "type": "DirectoryOrCreate"}}


class FileSystemClaim(Value, ABC):
    """A volume of the cluster and a claim on it in one namespace: a claim can be bound once."""

    name: str = Field(pattern=NAME, max_length=50)
    """Name of the claim; the volume's begins with the namespace."""
    namespace: str = Field(pattern=NAME)
    """Where its jobs run."""
    capacity_gib: int = Field(ge=1)
    """Size in GiB, which the scheduler compares and no driver enforces."""

    @property
    def volume_name(self) -> str:
        return f"{self.namespace}-{self.name}"

    @abstractmethod
    def driver(self) -> dict[str, Any]:
        """The ``csi`` entry of the volume."""

    @property
    def mount_options(self) -> tuple[str, ...]:
        """Options of the mount."""
        return ()

    def manifests(self) -> list[Manifest]:
        """The volume, which a deleted claim leaves there, and the claim."""
        size = {"storage": f"{self.capacity_gib}Gi"}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": self.volume_name},
            "spec": {
                "capacity": size,
                "accessModes": ["ReadWriteMany"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "claimRef": {"namespace": self.namespace, "name": self.name},
                **({"mountOptions": list(self.mount_options)} if self.mount_options else {}),
                "csi": self.driver(),
            },
        }
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": "",
                "volumeName": self.volume_name,
                "resources": {"requests": size},
            },
        }
        return [check(volume), check(claim)]


class LustreClaim(FileSystemClaim):
    """FSx for Lustre through its driver."""

    file_system: str = Field(pattern=r"^(fs-[0-9a-f]{8,17}|\$\{[A-Z_]+\})$")
    """Id of the file system, or a variable that is replaced when the manifest is applied."""
    dns_name: str = Field(min_length=1)
    """Its name in the network."""
    mount_name: str = Field(pattern=r"^([a-z0-9]{1,8}|\$\{[A-Z_]+\})$")
    """What FSx calls its root."""

    @property
    def mount_options(self) -> tuple[str, ...]:
        # Locks that all nodes see, as two ranks that write one file expect.
        return ("flock",)

    def driver(self) -> dict[str, Any]:
        return {
            "driver": "fsx.csi.aws.com",
            "volumeHandle": self.file_system,
            "volumeAttributes": {"dnsname": self.dns_name, "mountname": self.mount_name},
        }


class S3Claim(FileSystemClaim):
    """A prefix of a bucket through Mountpoint: whole files are read, and written from their beginning to their end."""

    bucket: str = Field(pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]|\$\{[A-Z_]+\})$")
    """The bucket, or a variable that is replaced when the manifest is applied."""
    prefix: str = Field(pattern=r"^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/$")
    """The prefix, with a slash at its end."""
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")
    """Region of the bucket."""
    writable: bool = False
    """Whether new objects may be written; pods only read by default."""
    deletable: bool = False
    """Whether objects may be deleted."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.deletable and not self.writable:
            reject("deletable", True, "what only reads deletes nothing", "Give writable=True, or leave deletable out.")
        return self

    @property
    def mount_options(self) -> tuple[str, ...]:
        access = ("allow-delete",) if self.deletable else () if self.writable else ("read-only",)
        return (f"prefix {self.prefix}", f"region {self.region}", *access)

    def driver(self) -> dict[str, Any]:
        return {
            "driver": "s3.csi.aws.com",
            "volumeHandle": f"s3-{self.volume_name}",
            # The pod's own identity, not the driver's: each namespace reads what its role may.
            "volumeAttributes": {"bucketName": self.bucket, "authenticationSource": "pod"},
        }
