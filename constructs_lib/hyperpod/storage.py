"""What is mounted in the instances of a group.

Sources, read 2026-11-22: ClusterInstanceStorageConfig, ClusterEbsVolumeConfig, ClusterFsxLustreConfig and
ClusterFsxOpenZfsConfig, SageMaker API reference; "Customer managed AWS KMS key encryption for SageMaker HyperPod",
SageMaker AI Developer Guide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct
from pydantic import Field

from constructs_lib.values import Value

MOST_STORAGE = 4
"""Entries of InstanceStorageConfigs: the root volume's key, a further volume, and file systems."""
PATH = r"^(/[a-zA-Z0-9._-]+)+$"
VOLUME_PATH = "/opt/sagemaker"
"""Where HyperPod mounts the further volume."""


class Mount(Value):
    """A file system that HyperPod mounts before any script runs."""

    file_system: str = Field(min_length=1)
    """Name of a file system that the cluster is given."""
    path: str = Field(pattern=PATH, max_length=1024)
    """Where it appears, for example ``/fsx``."""


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

    def render(self, path: str) -> dict[str, Any]:
        found = {"dnsName": self.dns_name, "mountName": self.mount_name, "mountPath": path}
        return {"fsxLustreConfig": found}


@dataclass(frozen=True, kw_only=True)
class SharedOpenZfs(FileSystem):
    """FSx for OpenZFS, for home folders: many small files."""

    dns_name: str
    """Its name in the network."""

    def render(self, path: str) -> dict[str, Any]:
        return {"fsxOpenZfsConfig": {"dnsName": self.dns_name, "mountPath": path}}


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
