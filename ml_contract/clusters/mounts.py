"""Shared file systems of a node, and its own disks.

Sources, read 2026-11-22: ClusterFsxLustreConfig (CreateCluster, API reference); "Mounting from an Amazon EC2
instance" and "Configuring EFA clients", FSx for Lustre User Guide; awsome-distributed-training's issues #632 (a mount
that was reported before it worked), #1202 (EFA silently left out) and #427 (NVMe that was not yet mounted).
"""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from ml_contract.checks import matches
from ml_contract.errors import reject
from ml_contract.values import value_object

PATH = r"(/[a-z0-9_]+)+"
"""Paths whose systemd unit has the same name with dashes, so that nothing needs escaping."""
NVME = "/opt/dlami/nvme"
"""Where the deep-learning image mounts the instance's own NVMe disks, as one."""
SECOND_VOLUME = "/opt/sagemaker"
"""Where HyperPod mounts EbsVolumeConfig (API reference)."""


@value_object
class MountedByHyperPod:
    """A file system of InstanceStorageConfigs: HyperPod mounts it; the scripts wait for it and prove that it works."""

    kind: ClassVar[str] = "hyperpod"
    path: str
    """Where it appears, ClusterFsxLustreConfig.MountPath."""
    efa: bool = False
    """Whether data must go over EFA: then a node where it does not is refused. A file system without EFA: False."""

    def __post_init__(self) -> None:
        matches("mounts.path", self.path, PATH)


@value_object
class MountedByLifecycle:
    """An FSx for Lustre file system that the scripts mount, where the API is not told of it."""

    kind: ClassVar[str] = "lifecycle"
    path: str
    """Where it appears."""
    dns_name: str
    """``fs-….fsx.<region>.amazonaws.com``. Known at synthesis: the document is written then."""
    mount_name: str
    """FSx's name of the root, eight characters or ``fsx``."""
    efa: bool = False
    """As above; the scripts also set up LNet for it."""

    def __post_init__(self) -> None:
        matches("mounts.path", self.path, PATH)
        matches("mounts.dns_name", self.dns_name, r"[a-z0-9-]+(\.[a-z0-9-]+)+")
        matches("mounts.mount_name", self.mount_name, r"[A-Za-z0-9_-]{1,8}")


Mount = MountedByHyperPod | MountedByLifecycle


@value_object
class Scratch:
    """A node's own disk for images and jobs' temporary files; what is on it is gone with the node."""

    path: Literal["/opt/dlami/nvme", "/opt/sagemaker"]
    """The instance's NVMe disks, or the further EBS volume."""
    minimum_gib: int
    """Free space without which a compute node is refused; at least 1."""

    def __post_init__(self) -> None:
        if self.minimum_gib < 1:
            reject("scratch.minimum_gib", self.minimum_gib, "it must be at least 1", "Give 1 or more.")


def unit_name(path: str) -> str:
    """Name of the systemd unit that mounts ``path``."""
    assert re.fullmatch(PATH, path)
    return path.strip("/").replace("/", "-") + ".mount"
