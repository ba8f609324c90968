"""Rolling software updates: batch after batch gets a new machine and runs its lifecycle; an alarm takes it back."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster, group_of, name_of
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.fleet import Fleet
from trainyard.local.clusters.slots import slot_of
from trainyard.local.update_alarms import Alarms, RolledBack

_SESSION = "SageMaker"


class SoftwareUpdate:
    """The software updates of one cluster. What is kept of one is in the documents of its groups.

    A group's `Update` holds the nodes that are still to come (`Left`), those that have been done (`Done`), those of
    the batch at work (`Batch`), and when the next may begin (`After`).
    """

    def __init__(self, context: Context, roster: Roster, fleet: Fleet, events: Events) -> None:
        """Composes it."""
        self._context, self._roster, self._fleet, self._events = context, roster, fleet, events

    def look(self, cluster: Mapping[str, Any]) -> None:
        """Looks once, and takes the next step where one is due."""
        if cluster["ClusterStatus"] != "SystemUpdating" or (cluster["Operation"] or {}).get("Kind") != "Software":
            return
        busy = [group for group in cluster["Groups"] if group.get("Update")]
        for group in busy:
            self._step(cluster, group)
        if not busy:
            self._finish(cluster)

    def _step(self, cluster: Mapping[str, Any], group: Mapping[str, Any]) -> None:
        update, name = group["Update"], name_of(group)
        nodes = {node["NodeLogicalId"]: node for node in self._roster.nodes(cluster)}
        batch = [nodes[one] for one in update["Batch"] if one in nodes]
        back = update["Back"]
        if not back:
            reason = self._trouble(group, batch)
            if reason:
                self._go_back(group, reason)
                return
        if any(node["Status"] not in ("Running", "Failure") for node in batch):
            return
        if time.time() < update["After"]:
            return
        if batch:
            done, left = [*update["Done"], *update["Batch"]], update["Left"]
            pause = 0.0 if back or not left else update["Wait"] * self._context.minute_seconds / 60
            self._edit(name, Batch=[], Done=done, After=time.time() + pause)
        elif update["Left"]:
            self._begin(cluster, name, update, nodes)
        else:
            self._settle(group, back=back)

    def _begin(
        self, cluster: Mapping[str, Any], name: str, update: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """The next batch: each node gets a new machine, on the image that the group has now."""
        batch, left = update["Left"][: update["Size"]], update["Left"][update["Size"] :]
        self._edit(name, Batch=batch, Left=left)
        for one in batch:
            node = nodes.get(one)
            if node is None:
                continue
            renew(cluster, self._roster, self._fleet, node)
            self._events.node(node, "Software update of the instance started")

    def _trouble(self, group: Mapping[str, Any], batch: Sequence[Mapping[str, Any]]) -> str:
        """Why the update must be taken back; empty while there is no reason."""
        failed = [node for node in batch if node["Status"] == "Failure"]
        if failed:
            return str(failed[0]["Message"])
        alarms = group["Update"]["Alarms"]
        role = group["Spec"]["ExecutionRole"]
        try:
            Alarms(lambda: self._context.platform.role_client("cloudwatch", role, _SESSION), alarms).check()
        except RolledBack as error:
            return str(error)
        return ""

    def _go_back(self, group: Mapping[str, Any], reason: str) -> None:
        """What has been done is done again, with the image from before."""
        update, name = group["Update"], name_of(group)
        again = [*update["Batch"], *update["Done"]]
        release = group.get("Release")
        self._roster.edit_group(
            name,
            SoftwareUpdateStatus="RollbackInProgress",
            Release=update["From"],
            Update={**update, "Back": True, "Left": again, "Batch": [], "Done": [], "After": 0.0,
                    "Size": update["BackSize"], "From": release},
        )  # fmt: skip
        self._roster.edit(lambda cluster: cluster.update(FailureMessage=f"Software update rolled back: {reason}"))
        self._events.group(name, "Software update is rolling back", level="Error", failure=reason)

    def _settle(self, group: Mapping[str, Any], *, back: bool) -> None:
        name, status = name_of(group), "RollbackComplete" if back else "Succeeded"
        self._roster.edit_group(name, Update=None, SoftwareUpdateStatus=status, Status="InService",
                                ActiveSoftwareUpdateConfig=None)  # fmt: skip
        self._events.group(name, f"Software update: {status}", level="Warn" if back else "Info")

    def _finish(self, cluster: Mapping[str, Any]) -> None:
        def change(document: dict[str, Any]) -> None:
            if document["ClusterStatus"] == "SystemUpdating":
                document.update(ClusterStatus="InService", Operation=None)

        self._roster.edit(change)
        self._events.cluster(f"Cluster {cluster['ClusterName']} is InService")

    def _edit(self, name: str, **changes: Any) -> None:
        def change(cluster: dict[str, Any]) -> None:
            group = group_of(cluster, name)
            if group is not None and group.get("Update"):
                group["Update"].update(changes)

        self._roster.edit(change)


def renew(cluster: Mapping[str, Any], roster: Roster, fleet: Fleet, node: Mapping[str, Any]) -> None:
    """Gives a node another disk: it is made again, with the image that its group has now."""
    slot = slot_of(cluster, node)
    roster.edit_node(node, Status="SystemUpdating", Made=False, NotBefore=0.0, Attempts=0)
    if slot.node_type:
        fleet.site().lost(slot, "software update")
    fleet.power_off(node)
