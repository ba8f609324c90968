"""What an environment gives to its clusters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk

from constructs_lib.hyperpod import ClusterSettings, SharedLustre
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.installation import ChartInstallation
from constructs_lib.lustre import LustreFileSystem
from constructs_lib.network import Network, Place
from constructs_lib.storage import Storage
from ml_contract.errors import reject
from stacks.watched import Watch


@dataclass(frozen=True, kw_only=True)
class ClusterPlatform:
    """What clusters are given by the rest of the environment."""

    environment: str
    """Its name."""
    network: Network
    storage: Storage
    files: Mapping[str, LustreFileSystem]
    """File systems, by name."""
    control_planes: Mapping[str, ControlPlane]
    """Control planes of clusters on EKS, by the cluster's name."""
    charts: Mapping[str, ChartInstallation]
    """What has to be installed in each of them before there are nodes."""
    watch: Watch | None
    """Topic and metrics of the environment; None: it has none."""
    removal: cdk.RemovalPolicy
    """What happens to what holds data when a stack goes."""

    def lustre(self, settings: ClusterSettings) -> dict[str, SharedLustre]:
        """What the cluster's groups mount, by name."""
        names = dict.fromkeys(mount.file_system for group in settings.groups for mount in group.mounts)
        return {name: _mounted(self.files[name]) for name in names}


def place(network: Network, subnet: str, *, field: str) -> Place:
    """A subnet of the network, by the name of its cluster or its zone.

    Args:
        network: The network.
        subnet: The name.
        field: Where it stands, for the message.

    Raises:
        ContractError: There is none of that name.
    """
    found = {one.name: one for one in (*network.jobs, *network.clusters.values())}
    if subnet not in found:
        reject(field, subnet, f"the network has {', '.join(found)}", "Name one of these.")
    return found[subnet]


def _mounted(files: LustreFileSystem) -> SharedLustre:
    return SharedLustre(
        dns_name=files.dns_name, mount_name=files.mount_name, efa_zone=files.place.zone if files.efa_enabled else None
    )
