"""Deep health checks: a state with a scripted outcome. Nothing is stressed here; they pass unless a fault says not."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.making import Unmade

FAULT = "DeepHealthCheckFailure"


class HealthChecks:
    """The deep health checks of one cluster's nodes."""

    def __init__(self, context: Context, roster: Roster, events: Events) -> None:
        """Takes what they are told to."""
        self._context, self._roster, self._events = context, roster, events

    def run(self, cluster: Mapping[str, Any], node: Mapping[str, Any], checks: Sequence[str]) -> None:
        """Runs checks on a node.

        Raises:
            Unmade: one fails.
        """
        if not checks:
            return
        self._roster.edit_node(node, Status="DeepHealthCheckInProgress")
        self._events.node(node, f"Deep health checks started: {', '.join(checks)}")
        fault = self._context.faults.match_node(FAULT, cluster["ClusterName"], names_of(node))
        if fault is not None:
            reason = fault.reason or "no reason given"
            raise Unmade(f"Instance {node['InstanceId']} failed the deep health check {checks[0]}: {reason}")
        self._events.node(node, f"Deep health checks passed: {', '.join(checks)}")


def names_of(node: Mapping[str, Any]) -> tuple[str, ...]:
    """What a fault may call a node: instance, logical id, address, group."""
    return node["InstanceId"], node["NodeLogicalId"], node["Address"], node["InstanceGroupName"]
