"""What is kept of clusters: the cluster, its nodes, its events. Documents, and the changes that keep them whole."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.store import Document, Documents, Store

CLUSTER = "cluster"
"""Kind of clusters in the store; by name."""
NODE = "cluster-node"
"""Kind of nodes; by the cluster's id and the node's logical id."""

SETTINGS = ("VpcConfig", "Orchestrator", "NodeRecovery", "NodeProvisioningMode", "TieredStorageConfig", "ClusterRole",
            "AutoScaling")  # fmt: skip
"""What a request says of the whole cluster."""
BUSY = ("Creating", "Updating", "RollingBack", "Deleting", "SystemUpdating")
"""Statuses in which a cluster takes no further change."""
UP = ("Running", "DeepHealthCheckInProgress")
"""Statuses of a node that has been made and whose machine should live."""


def new_cluster(request: Mapping[str, Any], arn: str) -> Document:
    """A cluster about to be created."""
    return {
        "ClusterName": request["ClusterName"],
        "ClusterId": arn.rpartition("/")[2],
        "ClusterArn": arn,
        "ClusterStatus": "Creating",
        "CreationTime": time.time(),
        "FailureMessage": "",
        "Settings": {name: request[name] for name in SETTINGS if name in request},
        "Groups": [new_group(spec) for spec in request.get("InstanceGroups", [])],
        "Operation": {"Kind": "Create", "Before": [], "Nodes": []},
        "Tokens": {},
        "Tags": request.get("Tags", []),
    }


def new_group(spec: Mapping[str, Any]) -> Document:
    """A group that has no nodes yet."""
    return {"Spec": dict(spec), "Status": "Creating", "Since": time.time(), "Previous": 0}


def new_id() -> str:
    """Id of a cluster: the last part of its ARN."""
    return secrets.token_hex(6)


def new_instance_id() -> str:
    """Id of an instance, as EC2 writes it."""
    return f"i-{secrets.token_hex(9)[:17]}"


def continuous(cluster: Mapping[str, Any]) -> bool:
    """Whether nodes come one by one and are tried again, or all or none."""
    return bool(cluster["Settings"].get("NodeProvisioningMode") == "Continuous")


def orchestrator(cluster: Mapping[str, Any]) -> str:
    """Slurm, Eks, or nothing where the lifecycle scripts bring one."""
    return next(iter(cluster["Settings"].get("Orchestrator") or {}), "")


def keeps_changes(cluster: Mapping[str, Any]) -> bool:
    """Whether what others have changed in slurm.conf stays when it is written again."""
    return strategy(cluster) != "Overwrite"


def strategy(cluster: Mapping[str, Any]) -> str:
    """SlurmConfigStrategy: with continuous provisioning always Merge, otherwise Managed unless the cluster says else.

    Source: SageMaker HyperPod references, SageMaker AI Developer Guide, read 2026-11-22.
    """
    slurm = (cluster["Settings"].get("Orchestrator") or {}).get("Slurm") or {}
    return "Merge" if continuous(cluster) else str(slurm.get("SlurmConfigStrategy", "Managed"))


def recovers(cluster: Mapping[str, Any]) -> bool:
    """Whether faulty nodes are replaced without being asked for."""
    return bool(cluster["Settings"].get("NodeRecovery", "Automatic") == "Automatic")


def group_of(cluster: Mapping[str, Any], name: str) -> Document | None:
    """The group of that name, or None."""
    found: Document | None = next((group for group in cluster["Groups"] if name_of(group) == name), None)
    return found


def name_of(group: Mapping[str, Any]) -> str:
    """The name of a group."""
    return str(group["Spec"]["InstanceGroupName"])


def patch_date(group: Mapping[str, Any]) -> float | None:
    """When a group's next patch begins, in seconds since 1970; None where none is known of."""
    date = group["Spec"].get("AutoPatchConfig", {}).get("PatchSchedule", {}).get("NextPatchDate")
    return None if date == group.get("PatchedAt") else date


class Roster:
    """The documents of one cluster, as its thread and the operations on it change them."""

    def __init__(self, store: Store, name: str) -> None:
        """Names the cluster; whether it exists is found out by `cluster`."""
        self.store, self.name = store, name

    def cluster(self) -> Document | None:
        """The cluster as it is now; None when it is gone."""
        return self.store.get(CLUSTER, self.name)

    def edit(self, change: Callable[[Document], None]) -> Document:
        """Changes the cluster as one step.

        Raises:
            ServiceError: it is gone, or `change` refuses.
        """
        return self.store.modify(CLUSTER, self.name, change)

    def edit_group(self, name: str, **changes: Any) -> None:
        """Changes what is kept of a group, where it still exists."""

        def change(cluster: Document) -> None:
            group = group_of(cluster, name)
            if group is not None:
                group.update(changes)

        self.edit(change)

    def nodes(self, cluster: Mapping[str, Any]) -> Documents:
        """All nodes of the cluster, oldest first."""
        return self.store.list(NODE, f"{cluster['ClusterId']}/")

    def node(self, cluster: Mapping[str, Any], logical_id: str) -> Document | None:
        """A node, or None."""
        return self.store.get(NODE, f"{cluster['ClusterId']}/{logical_id}")

    def add(self, cluster: Mapping[str, Any], group: Mapping[str, Any]) -> Document:
        """A new node of a group, to be given a place and to be made."""
        spec = group["Spec"]
        types = spec.get("InstanceRequirements", {}).get("InstanceTypes", [None])
        logical_id = f"{spec['InstanceGroupName']}-{secrets.token_hex(4)}"
        node = {
            "ClusterId": cluster["ClusterId"],
            "NodeLogicalId": logical_id,
            "InstanceGroupName": spec["InstanceGroupName"],
            "InstanceId": new_instance_id(),
            "InstanceType": spec.get("InstanceType") or types[0],
            "Address": "",
            "Zone": "",
            "LaunchTime": time.time(),
            "Status": "Pending",
            "Message": "",
            "Wanted": True,
            "Attempts": 0,
            "NotBefore": 0.0,
        }
        self.store.insert(NODE, f"{cluster['ClusterId']}/{logical_id}", node)
        return node

    def edit_node(self, node: Mapping[str, Any], **changes: Any) -> Document | None:
        """Changes a node; None when it is gone, or when another instance stands in its place by now."""
        same = True

        def change(document: Document) -> None:
            nonlocal same
            same = document["InstanceId"] == node["InstanceId"]
            if same:
                document.update(changes)

        try:
            found = self.store.modify(NODE, f"{node['ClusterId']}/{node['NodeLogicalId']}", change)
        except ServiceError:
            return None
        return found if same else None

    def drop(self, node: Mapping[str, Any]) -> None:
        """Forgets a node."""
        self.store.delete(NODE, f"{node['ClusterId']}/{node['NodeLogicalId']}")
