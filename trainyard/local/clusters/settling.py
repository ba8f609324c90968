"""How far a cluster is: from creating to in service, and back where it cannot be."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import UP, Roster, continuous, group_of, name_of, new_group, orchestrator
from trainyard.local.clusters.events import Events

MINIMUM_MINUTES = 180.0
"""How long a group has to reach its MinInstanceCount (CreateCluster, API reference, read 2026-11-22), in minutes."""

Nodes = Sequence[Mapping[str, Any]]


class Settling:
    """Says in the cluster's document what has become of what was asked for."""

    def __init__(self, context: Context, roster: Roster, events: Events) -> None:
        """Composes it."""
        self._roster, self._events = roster, events
        self._minimum_seconds = MINIMUM_MINUTES * context.minute_seconds

    def look(self, cluster: Mapping[str, Any], nodes: Nodes) -> None:
        """Looks once."""
        operation = cluster["Operation"]
        if operation is not None:
            if cluster["ClusterStatus"] == "RollingBack":
                self._end_rollback(cluster, nodes)
            elif operation["Kind"] in ("Create", "Update"):
                self._judge(cluster, nodes)
            elif operation["Kind"] == "Restart" and not _unsettled(nodes):
                self._finish(cluster, "InService")
        if cluster["ClusterStatus"] not in ("Failed", "RollingBack"):
            self._groups(cluster, nodes)

    def _judge(self, cluster: Mapping[str, Any], nodes: Nodes) -> None:
        """A create or an update: done, still on its way, or to be taken back."""
        failed = [node for node in nodes if node["Wanted"] and node["Status"] == "Failure" and not node.get("Lost")]
        if continuous(cluster):
            failed = [node for node in failed if _has_priority(cluster, node)]
            ready = all(any(node["Status"] == "Running" for node in kind) for kind in _priorities(cluster, nodes))
        else:
            wanted = [node for node in nodes if node["Wanted"]]
            ready = len(wanted) == len(nodes) == sum(group["Spec"]["InstanceCount"] for group in cluster["Groups"])
            ready = ready and all(node["Status"] == "Running" for node in wanted)
        if failed:
            self._begin_rollback(cluster, str(failed[0]["Message"]))
        elif ready:
            self._finish(cluster, "InService")

    def _begin_rollback(self, cluster: Mapping[str, Any], reason: str) -> None:
        """All or nothing: what came goes again, and what was is restored."""
        kind = cluster["Operation"]["Kind"]

        def change(document: dict[str, Any]) -> None:
            if document["ClusterStatus"] == "Deleting":
                return
            document.update(ClusterStatus="RollingBack", FailureMessage=reason)
            if kind == "Update":
                before = document["Operation"]["Before"]
                document["Groups"] = before["Groups"]
                document["Settings"] = before["Settings"]

        self._roster.edit(change)
        self._events.cluster(f"Cluster {cluster['ClusterName']} is rolling back", level="Error", failure=reason)

    def _end_rollback(self, cluster: Mapping[str, Any], nodes: Nodes) -> None:
        created = cluster["Operation"]["Kind"] == "Create"
        if created:
            if not nodes:
                self._finish(cluster, "Failed", keep=True)
        elif all(node["Wanted"] for node in nodes) and len(nodes) == sum(
            group["Spec"]["InstanceCount"] for group in cluster["Groups"]
        ):
            self._finish(cluster, "InService", keep=True)

    def _finish(self, cluster: Mapping[str, Any], status: str, *, keep: bool = False) -> None:
        def change(document: dict[str, Any]) -> None:
            if document["ClusterStatus"] == "Deleting":
                return
            document.update(ClusterStatus=status, Operation=None)
            if not keep:
                document["FailureMessage"] = ""
            for group in document["Groups"]:
                if status == "Failed" or group["Status"] == "SystemUpdating":
                    group["Status"] = status

        self._roster.edit(change)
        level = "Error" if status == "Failed" else "Info"
        self._events.cluster(f"Cluster {cluster['ClusterName']} is {status}", level=level)

    def _groups(self, cluster: Mapping[str, Any], nodes: Nodes) -> None:
        """The status of each group by its nodes; a group that misses its minimum for too long goes back."""
        for group in cluster["Groups"]:
            mine = [node for node in nodes if node["InstanceGroupName"] == name_of(group)]
            made = sum(node["Status"] in UP for node in mine)
            target, least = group["Spec"]["InstanceCount"], group["Spec"].get("MinInstanceCount")
            waiting = group["Status"] in ("Creating", "Updating")
            late = time.time() > group["Since"] + self._minimum_seconds
            if least is not None and waiting and made < least and late:
                self._go_back(group, made, least)
                continue
            status = _status(cluster, group, mine, made)
            if status != group["Status"]:
                self._roster.edit_group(name_of(group), Status=status)
                self._events.group(name_of(group), f"InstanceGroup is {status}: {made} of {target} instances")

    def _go_back(self, group: Mapping[str, Any], made: int, least: int) -> None:
        name, before = name_of(group), group["Previous"]
        reason = f"{made} of at least {least} instances came up within {MINIMUM_MINUTES:g} minutes"

        def change(document: dict[str, Any]) -> None:
            found = group_of(document, name)
            if found is not None:
                spec = {**found["Spec"], "InstanceCount": before}
                spec.pop("MinInstanceCount", None)
                found.update(Spec=spec, Status="Failed", Since=time.time())

        self._roster.edit(change)
        self._events.group(name, f"InstanceGroup goes back to {before} instances", level="Error", failure=reason)


def changed_groups(cluster: Mapping[str, Any], specs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups of a cluster as an update leaves them."""
    found = []
    for spec in specs:
        group = group_of(cluster, spec["InstanceGroupName"])
        if group is None:
            found.append(new_group(spec))
        elif group["Spec"] == spec:
            found.append(dict(group))
        else:
            before = group["Spec"]["InstanceCount"]
            found.append({**group, "Spec": dict(spec), "Status": "Updating", "Since": time.time(), "Previous": before})
    return found


def _status(cluster: Mapping[str, Any], group: Mapping[str, Any], nodes: Nodes, made: int) -> str:
    target = group["Spec"]["InstanceCount"]
    now = str(group["Status"])
    # One that went back to nothing stays failed, also while its broken nodes are still leaving.
    if now == "SystemUpdating" or (now == "Failed" and target == 0):
        return now
    if made == target == len(nodes):
        return "InService"
    if now not in ("Creating", "Updating"):
        lost = any(node["Status"] == "Failure" or node.get("Lost") for node in nodes)
        return "Degraded" if lost else now
    least = group["Spec"].get("MinInstanceCount")
    if continuous(cluster) and made >= (least if least is not None else 0) and cluster["ClusterStatus"] == "InService":
        return "Degraded" if any(node["Status"] == "Failure" for node in nodes) else "InService"
    return now


def _unsettled(nodes: Nodes) -> bool:
    return any(node["Status"] not in ("Running", "Failure") for node in nodes)


def _has_priority(cluster: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    return any(node["InstanceGroupName"] in names for names in _priority_groups(cluster))


def _priorities(cluster: Mapping[str, Any], nodes: Nodes) -> list[list[Mapping[str, Any]]]:
    return [[n for n in nodes if n["InstanceGroupName"] in names] for names in _priority_groups(cluster)]


def _priority_groups(cluster: Mapping[str, Any]) -> list[list[str]]:
    """Groups of which a node must run before a continuous cluster is in service: a controller, and a login if any.

    Source: Continuous provisioning with Slurm, SageMaker Developer Guide, read 2026-11-22.
    """
    if orchestrator(cluster) != "Slurm":
        return []
    groups = [group for group in cluster["Groups"] if group["Spec"]["InstanceCount"]]
    kinds = [
        [name_of(group) for group in groups if group["Spec"]["SlurmConfig"]["NodeType"] == kind]
        for kind in ("Controller", "Login")
    ]
    return [names for names in kinds if names]
