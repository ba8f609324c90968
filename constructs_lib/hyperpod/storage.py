"""What is mounted in the instances of a group.

Sources, read 2026-11-22: ClusterInstanceStorageConfig, ClusterEbsVolumeConfig, ClusterFsxLustreConfig and
ClusterFsxOpenZfsConfig, SageMaker API reference; "Customer managed AWS KMS key encryption for SageMaker HyperPod",
SageMaker AI Developer Guide.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_STORAGE = 4
"""Entries of InstanceStorageConfigs: the root volume's key, a further volume, and file systems."""
PATH = r"^(/[a-zA-Z0-9._-]+)+$"
OCCUPIED = ("/opt/amazon", "/opt/ml", "/opt/sagemaker", "/opt/slurm")
"""Folders of a node where its image and HyperPod keep things, the further volume (/opt/sagemaker) among them: nothing
is mounted there, above or below."""
SYSTEM = frozenset(
    f"/{name}" for name in ("bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "tmp",
                            "usr", "var")
)  # fmt: skip
"""Folders of the operating system, over which nothing is mounted ("Filesystem Hierarchy Standard" 3.0)."""


DNS_NAME = r"(fs|fc)i?-[0-9a-f]{8,}\..{4,253}"
MOUNT_NAME = r"[A-Za-z0-9_-]{1,8}"


class Mount(Value):
    """A file system that HyperPod mounts before any script runs."""

    file_system: str = Field(min_length=1)
    """Name of a file system that the cluster is given."""
    path: str = Field(pattern=PATH, max_length=1024)
    """Where it appears, for example ``/fsx``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if {".", ".."} & set(self.path.split("/")):
            reject("path", self.path, "it names a folder without . and ..", 'Write it as it is: path="/fsx".')
        if self.path in SYSTEM:
            reject("path", self.path, "it would hide a folder of the operating system", 'Take another: path="/fsx".')
        for taken in OCCUPIED:
            if f"{self.path}/".startswith(f"{taken}/") or taken.startswith(f"{self.path}/"):
                reject("path", self.path, f"{taken} is HyperPod's own", 'Take another: path="/fsx".')
        return self


class FileSystem(ABC):
    """A file system that exists before the cluster."""

    efa_zone: str | None = None
    """The zone whose nodes reach it by EFA; None where no node does."""

    @abstractmethod
    def render(self, path: str) -> dict[str, Any]:
        """The entry of InstanceStorageConfigs, by the names of CDK."""


@dataclass(frozen=True, kw_only=True)
class SharedLustre(FileSystem):
    """FSx for Lustre, which every node of a cluster shares."""

    dns_name: str
    """Its name in the network, ``fs-….fsx.<region>.amazonaws.com``."""
    mount_name: str
    """What FSx calls its root, ``fsx`` or eight characters."""
    efa_zone: str | None
    """Its zone, where it is EFA-enabled: nodes with adapters that do not reach it by them are then refused."""

    def __post_init__(self) -> None:
        _check_dns_name(self.dns_name)
        if not cdk.Token.is_unresolved(self.mount_name) and not re.fullmatch(MOUNT_NAME, self.mount_name):
            reject("mount_name", self.mount_name, "FSx names a root with 1 to 8 letters, digits, - and _",
                   "Give MountName of aws fsx describe-file-systems.")  # fmt: skip

    def render(self, path: str) -> dict[str, Any]:
        found = {"dnsName": self.dns_name, "mountName": self.mount_name, "mountPath": path}
        return {"fsxLustreConfig": found}


@dataclass(frozen=True, kw_only=True)
class SharedOpenZfs(FileSystem):
    """FSx for OpenZFS, for home folders: many small files."""

    dns_name: str
    """Its name in the network."""

    def __post_init__(self) -> None:
        _check_dns_name(self.dns_name)

    def render(self, path: str) -> dict[str, Any]:
        return {"fsxOpenZfsConfig": {"dnsName": self.dns_name, "mountPath": path}}


def _check_dns_name(name: str) -> None:
    if not cdk.Token.is_unresolved(name) and not re.fullmatch(DNS_NAME, name):
        reject("dns_name", name, "the name of a file system of FSx begins with fs- and its id",
               "Give DNSName of aws fsx describe-file-systems.")  # fmt: skip


def volumes(*, volume_gib: int | None, key_arn: str | None) -> list[dict[str, Any]]:
    """Entries of InstanceStorageConfigs for EBS.

    Args:
        volume_gib: Size of the further volume; None: there is none.
        key_arn: Key of the root volume and the further one; None: keys that AWS owns.
    """
    found: list[dict[str, Any]] = []
    if key_arn is not None:
        # HyperPod decides the size of a root volume.
        found.append({"ebsVolumeConfig": {"rootVolume": True, "volumeKmsKeyId": key_arn}})
    if volume_gib is not None:
        keyed = {"volumeKmsKeyId": key_arn} if key_arn is not None else {}
        found.append({"ebsVolumeConfig": {"volumeSizeInGb": volume_gib, **keyed}})
    return found


def volume_keys(places: Mapping[str, Construct], removal: cdk.RemovalPolicy) -> dict[str, kms.Key]:
    """A key for the volumes of each group.

    Args:
        places: Where each group's things are, by its name.
        removal: What happens to the keys when the stack goes.
    """
    return {
        name: kms.Key(
            place,
            "Key",
            enable_key_rotation=True,
            removal_policy=removal,
            description=f"Volumes of instances of {name}",
        )
        for name, place in places.items()
    }
