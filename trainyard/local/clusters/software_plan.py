"""What a software update changes in the document of a cluster before its first step."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainyard.local.clusters.documents import group_of, name_of


def plan(request: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> Callable[[dict[str, Any]], None]:
    """What UpdateClusterSoftware changes in a cluster's document.

    Args:
        request: the request; it has been checked.
        nodes: the cluster's nodes.
    """
    wanted = {row["InstanceGroupName"]: row for row in request.get("InstanceGroups", [])}

    def change(document: dict[str, Any]) -> None:
        for name in list(wanted) or [name_of(group) for group in document["Groups"]]:
            release = wanted.get(name, {}).get("ImageReleaseVersion")
            begin(document, name, request.get("DeploymentConfig", {}), nodes, release)

    return change


def begin(
    document: dict[str, Any], name: str, how: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]],
    release: str | None = None,
) -> None:  # fmt: skip
    """Begins the update of one group.

    Args:
        document: the cluster's document, which is changed.
        name: the group's name; it exists.
        how: DeploymentConfig; empty: all nodes at once.
        nodes: the cluster's nodes.
        release: the image's release; by default the one that the group has.
    """
    document.update(ClusterStatus="SystemUpdating", Operation={"Kind": "Software"}, FailureMessage="")
    group = group_of(document, name)
    assert group is not None
    policy = how.get("RollingUpdatePolicy", {})
    mine = [node["NodeLogicalId"] for node in nodes if node["InstanceGroupName"] == name]
    before = group.get("Release", group["Spec"].get("ImageReleaseVersion"))
    group.update(
        Status="SystemUpdating",
        SoftwareUpdateStatus="InProgress",
        ActiveSoftwareUpdateConfig=how or None,
        Release=release or before,
        Patch=None,
        Update={
            "Left": mine, "Batch": [], "Done": [], "After": 0.0, "Back": False, "From": before,
            "Size": batch_size(policy.get("MaximumBatchSize"), len(mine)),
            "BackSize": batch_size(policy.get("RollbackMaximumBatchSize"), len(mine)),
            "Wait": how.get("WaitIntervalInSeconds", 0),
            "Alarms": [row["AlarmName"] for row in how.get("AutoRollbackConfiguration", [])],
        },
    )  # fmt: skip


def batch_size(asked: Mapping[str, Any] | None, nodes: int) -> int:
    """Nodes at a time: all without a policy, at least one with."""
    if asked is None:
        return max(1, nodes)
    if asked["Type"] == "INSTANCE_COUNT":
        return min(int(asked["Value"]), max(1, nodes))
    return max(1, math.floor(nodes * int(asked["Value"]) / 100))
