"""Patches that wait for jobs to end: AutoPatchConfig, with the strategies WhenIdle and WhenAllIdle.

On AWS a patch is found by the service, which then sets NextPatchDate. Here none is ever found: a patch is due where a
request gives that date. Source: ClusterAutoPatchConfig (API reference), read 2026-11-22.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster, name_of, patch_date
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.fleet import Fleet
from trainyard.local.clusters.machines import MachineError, Slot
from trainyard.local.clusters.slots import slot_of, slots_of
from trainyard.local.clusters.software import renew

IDLE_SECONDS = 86400
"""IdleWaitWindowInSeconds where the group gives none: how long a patch waits for jobs."""

Node = Mapping[str, Any]


class Patches:
    """The patches of one cluster's groups.

    A group's `Patch` holds the instances that wait for their jobs to end (`Left`), the nodes that get another disk
    (`Now`), whether all wait for each other (`Together`), until when (`Until`), and who was busy to the end (`Kept`).
    """

    def __init__(self, context: Context, roster: Roster, fleet: Fleet, events: Events) -> None:
        """Composes it."""
        self._now, self._minute = context.now, context.minute_seconds
        self._roster, self._fleet, self._events = roster, fleet, events

    def look(self, cluster: Mapping[str, Any]) -> None:
        """Looks once, and takes the next step where one is due."""
        if cluster["ClusterStatus"] != "InService":
            return
        for group in cluster["Groups"]:
            mine = [n for n in self._roster.nodes(cluster) if n["InstanceGroupName"] == name_of(group)]
            date = patch_date(group)
            # Without a controller nobody can be kept from work: at the next look, then.
            with contextlib.suppress(MachineError):
                if group.get("Patch"):
                    self._step(cluster, group, mine)
                elif date is not None and self._now() >= date:
                    self._begin(cluster, group, mine, date)

    def _begin(self, cluster: Mapping[str, Any], group: Mapping[str, Any], nodes: Sequence[Node], date: float) -> None:
        """No instance gets another job from here on."""
        config, running = group["Spec"]["AutoPatchConfig"], [node for node in nodes if node["Status"] == "Running"]
        for node in running:
            self._fleet.site().cordon(slot_of(cluster, node))
        window = config.get("IdleWaitWindowInSeconds", IDLE_SECONDS) * self._minute / 60
        patch = {
            "Left": [node["InstanceId"] for node in running], "Now": [], "Kept": [], "Until": self._now() + window,
            "Together": config["PatchingStrategy"] == "WhenAllIdle",
        }  # fmt: skip
        self._roster.edit_group(name_of(group), Patch=patch, PatchedAt=date, SoftwareUpdateStatus="InProgress")
        self._events.group(name_of(group), f"Patch started: {len(running)} instances get it when they are idle")

    def _step(self, cluster: Mapping[str, Any], group: Mapping[str, Any], nodes: Sequence[Node]) -> None:
        patch, name = group["Patch"], name_of(group)
        left = [node for node in nodes if node["InstanceId"] in patch["Left"] and node["Status"] == "Running"]
        idle = [node for node in left if not self._busy(cluster, node)]
        ready = idle if len(idle) == len(left) or not patch["Together"] else []
        staying, kept = [node for node in left if node not in ready], list(patch["Kept"])
        if self._now() >= patch["Until"]:
            for node in staying:
                self._fleet.site().uncordon(slot_of(cluster, node))
                self._events.node(node, "Patch left out: the instance did not become idle", level="Warn")
            kept, staying = [*kept, *(node["InstanceId"] for node in staying)], []
        for node in ready:
            renew(cluster, self._roster, self._fleet, node)
            self._events.node(node, "Patch of the instance started")
        now = [*self._unfinished(nodes, patch["Now"]), *(node["NodeLogicalId"] for node in ready)]
        after = {**patch, "Left": [node["InstanceId"] for node in staying], "Now": now, "Kept": kept}
        if now or staying:
            if after != patch:
                self._roster.edit_group(name, Patch=after)
            return
        status = "Failed" if kept else "Succeeded"
        self._roster.edit_group(name, Patch=None, SoftwareUpdateStatus=status)
        said = f": {', '.join(kept)} did not become idle" if kept else ""
        self._events.group(name, f"Patch: {status}{said}", level="Warn" if kept else "Info")

    def _unfinished(self, nodes: Sequence[Node], now: Sequence[str]) -> list[str]:
        """Nodes that are still being made; one that failed is left to the cluster's healing."""
        for node in nodes:
            if node["NodeLogicalId"] in now and node["Status"] == "Failure":
                self._roster.edit_node(node, Lost=True)
        return [n["NodeLogicalId"] for n in nodes if n["NodeLogicalId"] in now and n["Status"] == "SystemUpdating"]

    def _busy(self, cluster: Mapping[str, Any], node: Node) -> bool:
        """Whether a job runs on a node; a controller is busy with those of all."""
        mine = slot_of(cluster, node)
        asked: list[Slot] = slots_of(self._roster, cluster) if mine.node_type == "Controller" else [mine]
        try:
            return any(self._fleet.site().busy(slot) for slot in asked)
        except MachineError:
            # Whoever cannot be asked has not said that the job is over.
            return True
