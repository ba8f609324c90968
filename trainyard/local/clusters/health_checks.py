"""Deep health checks: a state with a scripted outcome. Nothing is stressed here; they pass unless a fault says not.

Source of what surrounds them: "Deep health checks" of Slurm clusters, SageMaker AI Developer Guide, read 2026-11-22.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster, orchestrator
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.machines import MachineError, Site, Slot
from trainyard.local.clusters.making import Unmade
from trainyard.local.clusters.slots import slot_of

FAULT = "DeepHealthCheckFailure"
WAIT_MINUTES = 10.0
"""How long checks on request wait for a node's job to end; then the node is left out, in minutes."""
_POLL_SECONDS = 0.2


class HealthChecks:
    """The deep health checks of one cluster's nodes. With Slurm only workers are checked."""

    def __init__(self, context: Context, roster: Roster, events: Events, site: Site) -> None:
        """Takes what they are told to, and where the nodes are."""
        self._context, self._roster, self._events, self._site = context, roster, events, site

    def isolate(self, cluster: Mapping[str, Any], node: Mapping[str, Any], checks: Sequence[str]) -> None:
        """Keeps new jobs away from a node that is to be checked.

        Raises:
            Unmade: the scheduler refuses.
        """
        slot = slot_of(cluster, node)
        if checks and self._concern(cluster, slot):
            try:
                self._site.isolate(slot)
            except MachineError as error:
                raise Unmade(f"Instance {node['InstanceId']} cannot be isolated for its checks: {error}") from error

    def may_begin(self, cluster: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
        """Waits for the job on a node, which goes on; whether it ended in time."""
        deadline = time.monotonic() + WAIT_MINUTES * self._context.minute_seconds
        slot = slot_of(cluster, node)
        while self._busy(slot):
            if time.monotonic() > deadline:
                text = f"Deep health checks skipped: a job has run on the instance for {WAIT_MINUTES:g} minutes"
                self._events.node(node, text, level="Warn")
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def run(self, cluster: Mapping[str, Any], node: Mapping[str, Any], checks: Sequence[str]) -> None:
        """Runs checks on a node.

        Raises:
            Unmade: one fails; the node stays isolated.
        """
        if not checks or not self._concern(cluster, slot_of(cluster, node)):
            return
        self._roster.edit_node(node, Status="DeepHealthCheckInProgress")
        self._events.node(node, f"Deep health checks started: {', '.join(checks)}")
        fault = self._context.faults.match_node(FAULT, cluster["ClusterName"], names_of(node))
        if fault is not None:
            reason = fault.reason or "no reason given"
            raise Unmade(f"Instance {node['InstanceId']} failed the deep health check {checks[0]}: {reason}")
        self._events.node(node, f"Deep health checks passed: {', '.join(checks)}")

    def _busy(self, slot: Slot) -> bool:
        try:
            return self._site.busy(slot)
        except MachineError:
            # Whoever cannot be asked has not said that the job is over.
            return True

    @staticmethod
    def _concern(cluster: Mapping[str, Any], slot: Slot) -> bool:
        return orchestrator(cluster) != "Slurm" or slot.node_type == "Compute"


def names_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """What a fault may call a node: instance, logical id, address, group."""
    return node["InstanceId"], node["NodeLogicalId"], node["Address"], node["InstanceGroupName"]
