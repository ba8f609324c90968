"""The places of a cluster's nodes, from its documents."""

from collections.abc import Mapping
from typing import Any

from trainyard.local.clusters.documents import Roster, group_of
from trainyard.local.clusters.machines import Slot

DEFAULT_MOUNT = "/fsx"
"""Where a node sees the shared file system: ClusterFsxLustreConfig.MountPath's default, and that of a group without."""


def slots_of(roster: Roster, cluster: Mapping[str, Any]) -> list[Slot]:
    """The places of all nodes that are wanted and have an address."""
    nodes = [node for node in roster.nodes(cluster) if node["Wanted"] and node["Address"]]
    return [slot_of(cluster, node) for node in nodes]


def slot_of(cluster: Mapping[str, Any], node: Mapping[str, Any]) -> Slot:
    """The place of a node."""
    group = group_of(cluster, node["InstanceGroupName"])
    spec = group["Spec"] if group else {}
    slurm = spec.get("SlurmConfig", {})
    storage = spec.get("InstanceStorageConfigs", [])
    lustre = [part["FsxLustreConfig"] for part in storage if "FsxLustreConfig" in part]
    return Slot(
        logical_id=node["NodeLogicalId"],
        group=node["InstanceGroupName"],
        address=node["Address"],
        instance_id=node["InstanceId"],
        instance_type=node["InstanceType"],
        role=spec.get("ExecutionRole", ""),
        node_type=slurm.get("NodeType", ""),
        partitions=tuple(slurm.get("PartitionNames", ())),
        mounts=tuple(part.get("MountPath", DEFAULT_MOUNT) for part in lustre) or (DEFAULT_MOUNT,),
        threads_per_core=(node if node.get("Made") else spec).get("ThreadsPerCore"),
        up=bool(node.get("Made")),
    )
