"""Nodes that fail: noticed, told of, and replaced where the cluster recovers by itself."""

import random
import time
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.announcing import Announcer
from trainyard.local.clusters.documents import Roster, continuous, new_instance_id, orchestrator, recovers
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.fleet import Fleet
from trainyard.local.clusters.health_checks import names_of
from trainyard.local.clusters.slots import slot_of

POWER, HEALTH = "NodeLoss", "NodeHealth"
"""Faults: the node is gone at once; the health monitoring agent finds it faulty."""
_RETRY_MINUTES, _LONGEST_RETRY_MINUTES = 1 / 30, 1.0
"""Pause before a node that could not be made is tried again, in minutes; twice as long after each attempt. AWS
publishes none."""


class Healing:
    """Watches the machines of one cluster."""

    def __init__(self, context: Context, roster: Roster, fleet: Fleet, events: Events, announcer: Announcer) -> None:
        """Composes it."""
        self._context, self._roster, self._fleet, self._events = context, roster, fleet, events
        self._announcer = announcer

    def look(self, cluster: Mapping[str, Any]) -> None:
        """Looks at every node once."""
        for node in self._roster.nodes(cluster):
            if node["Wanted"] and node["Status"] == "Running":
                self._watch(cluster, node)
            elif node["Wanted"] and node["Status"] == "Failure" and self._may_replace(cluster, node):
                replace(self._roster, self._fleet, node)
                self._events.node(node, "Instance replacement started", failure=node["Message"])

    def _watch(self, cluster: Mapping[str, Any], node: dict[str, Any]) -> None:
        faults, name = self._context.faults, cluster["ClusterName"]
        if faults.match_node(POWER, name, names_of(node)):
            self._fleet.power_off(node)
        sick = faults.match_node(HEALTH, name, names_of(node))
        machine = self._fleet.machine(node)
        if sick is not None:
            reason = sick.reason or "HardwareFault"
            self._lost(cluster, node, f"The health monitoring agent found the node faulty: {reason}")
            if recovers(cluster):
                self._fleet.power_off(node)
        elif machine is None or not machine.alive:
            self._fleet.power_off(node)
            self._lost(cluster, node, "The instance lost its power, or the network way to it")

    def _lost(self, cluster: Mapping[str, Any], node: dict[str, Any], reason: str) -> None:
        message = f"Instance {node['InstanceId']} is unhealthy: {reason}"
        slot = slot_of(cluster, node)
        self._roster.edit_node(node, Status="Failure", Message=message, Made=False, Lost=True, NotBefore=time.time())
        self._events.node(node, "Instance is unhealthy", level="Error", failure=reason)
        self._announcer.unhealthy(node, reason, "Replace" if recovers(cluster) else "None")
        if orchestrator(cluster) == "Slurm":
            self._fleet.site().lost(slot, reason)

    def _may_replace(self, cluster: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
        """Whether a failed node is tried again: NodeRecovery decides for lost ones, the mode for those never made."""
        if node.get("Lost"):
            wanted = recovers(cluster)
        else:
            wanted = continuous(cluster) and cluster["ClusterStatus"] == "InService"
        pause = _pause(node["Attempts"]) * self._context.minute_seconds if node["Attempts"] else 0.0
        return wanted and time.time() >= node["NotBefore"] + pause


def replace(roster: Roster, fleet: Fleet, node: Mapping[str, Any]) -> None:
    """Puts another instance in a node's place: same group, same logical id, same address; its lifecycle runs again."""
    fleet.power_off(node)
    roster.edit_node(
        node,
        InstanceId=new_instance_id(),
        LaunchTime=time.time(),
        Status="Pending",
        Message="",
        Made=False,
        Reboot=False,
        NotBefore=0.0,
    )


def _pause(attempts: int) -> float:
    """Minutes before the next attempt, not the same for all nodes."""
    spread = 1 + random.random() / 4  # noqa: S311
    return float(min(_LONGEST_RETRY_MINUTES, _RETRY_MINUTES * 2 ** (attempts - 1)) * spread)
