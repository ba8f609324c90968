"""From a node's place to a node that runs, step by step; each call is one thread's work."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster, group_of, keeps_changes, orchestrator
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.health_checks import HealthChecks
from trainyard.local.clusters.machines import Machine, MachineError, Site
from trainyard.local.clusters.making import Maker, Unmade
from trainyard.local.clusters.slots import slot_of, slots_of

_POLL_SECONDS = 0.1
_LAUNCHED_WITH = ("LifeCycleConfig", "NetworkInterface", "ThreadsPerCore")
"""What an instance keeps until another stands in its place, whatever becomes of its group."""

Node = Mapping[str, Any]


class Yard(Protocol):
    """Where machines are kept while they live."""

    @property
    def closed(self) -> bool:
        """Whether all of them end now."""

    def site(self) -> Site:
        """Where they stand.

        Raises:
            MachineError: this computer cannot provide any.
        """

    def keep(self, node: Node, machine: Machine) -> bool:
        """Takes a node's machine; False when all end now."""


class Builder:
    """Makes the nodes of one cluster."""

    def __init__(
        self, context: Context, roster: Roster, cluster: Mapping[str, Any], events: Events, yard: Yard
    ) -> None:
        """Composes it.

        Args:
            context: what the families share.
            roster: the cluster's documents.
            cluster: the cluster; only what never changes is read from it.
            events: who hears how it goes.
            yard: who keeps the machines.
        """
        self._context, self._roster, self._cluster = context, roster, cluster
        self._events, self._yard = events, yard
        self._agent = threading.Lock()

    def make(self, cluster: Mapping[str, Any], node: Node) -> None:
        """A node from nothing, or from its reboot, to Running.

        Raises:
            Unmade: it does not come into being.
        """
        maker, group = self._maker(), group_of(cluster, node["InstanceGroupName"])
        spec = group["Spec"] if group else {}
        reboot = bool(node.get("Reboot"))
        machine = maker.boot(slot_of(cluster, node), fresh=not reboot)
        if not self._yard.keep(node, machine):
            machine.kill()
            return
        maker.tell(machine, cluster, slots_of(self._roster, cluster))
        config = {} if reboot else spec.get("LifeCycleConfig") or {}
        self._run(maker, machine, node, spec, config, "OnCreate")
        kept = {} if reboot else {**{name: spec.get(name) for name in _LAUNCHED_WITH}, "Release": _release(group)}
        self._roster.edit_node(node, Made=True, Reboot=False, **kept)
        self._join(cluster, node, machine)
        checks = [] if reboot else spec.get("OnStartDeepHealthChecks", [])
        tests = self._tests()
        tests.isolate(cluster, node, checks)
        self._run(maker, machine, node, spec, config, "OnInitComplete")
        tests.run(cluster, node, checks)
        self._release(cluster, node)
        updated = {"LastSoftwareUpdateTime": time.time()} if node["Status"] == "SystemUpdating" else {}
        self._roster.edit_node(node, Status="Running", Message="", Attempts=0, Lost=False, **updated)
        done = "rebooted" if reboot else "created"
        self._events.node(node, f"Instance {done} in Cluster {self._roster.name} and InstanceGroup "
                          f"{node['InstanceGroupName']}", lifecycle="Succeeded" if config else None)  # fmt: skip

    def check(self, cluster: Mapping[str, Any], node: Node) -> None:
        """Deep health checks of a node that runs; one that fails them counts as lost, not as never made.

        Raises:
            Unmade: it fails one.
        """
        checks = node["Checks"]
        self._roster.edit_node(node, Checks=None, Lost=True)
        tests = self._tests()
        tests.isolate(cluster, node, checks)
        if tests.may_begin(cluster, node):
            tests.run(cluster, node, checks)
        self._release(cluster, node)
        self._roster.edit_node(node, Status="Running", Lost=False)

    def tell(self, cluster: Mapping[str, Any], machines: list[Machine]) -> None:
        """Nodes that are up learn of the others; Slurm's nodes come and go with them."""
        if not machines:
            return
        slots, maker = slots_of(self._roster, cluster), self._maker()
        for machine in machines:
            maker.tell(machine, cluster, slots)
        if any(slot.up and slot.node_type == "Controller" for slot in slots):
            try:
                self._configure(cluster)
            except MachineError as error:
                self._events.cluster("The scheduler's configuration failed", level="Error", failure=str(error))

    def _run(
        self, maker: Maker, machine: Machine, node: Node, spec: Mapping[str, Any], config: Mapping[str, Any],
        script: str,
    ) -> None:  # fmt: skip
        if script not in config:
            return
        self._events.node(node, f"{script} {config[script]} started", lifecycle="InProgress")

        def problem(text: str) -> None:
            self._events.node(node, "The log of the lifecycle scripts is not delivered", level="Warn", failure=text)

        maker.run_lifecycle(machine, node, spec, script, problem)

    def _join(self, cluster: Mapping[str, Any], node: Node, machine: Machine) -> None:
        """The agent's part: the node becomes one of the scheduler's, as soon as there is a controller."""
        if orchestrator(cluster) != "Slurm":
            return
        while not any(slot.up and slot.node_type == "Controller" for slot in slots_of(self._roster, cluster)):
            if self._yard.closed or not machine.alive:
                raise Unmade(f"Instance {node['InstanceId']} went down before the Slurm controller came up")
            time.sleep(_POLL_SECONDS)
        try:
            self._configure(self._roster.cluster() or cluster)
        except MachineError as error:
            raise Unmade(f"Instance {node['InstanceId']} failed to join the Slurm cluster: {error}") from error

    def _tests(self) -> HealthChecks:
        return HealthChecks(self._context, self._roster, self._events, self._site())

    def _release(self, cluster: Mapping[str, Any], node: Node) -> None:
        try:
            self._site().release(slot_of(cluster, node))
        except MachineError as error:
            raise Unmade(f"Instance {node['InstanceId']} is not taken by the scheduler: {error}") from error

    def _configure(self, cluster: Mapping[str, Any]) -> None:
        # One at a time: the last one knows of all nodes that came before it.
        with self._agent:
            if orchestrator(cluster) == "Slurm":
                self._yard.site().configure(slots_of(self._roster, cluster), keep=keeps_changes(cluster))

    def _maker(self) -> Maker:
        return Maker(self._context, self._cluster, self._site())

    def _site(self) -> Site:
        try:
            return self._yard.site()
        except (MachineError, ServiceError, OSError) as error:
            raise Unmade(f"the embedded cloud cannot provide nodes: {error}") from error


def _release(group: Mapping[str, Any] | None) -> str | None:
    return group.get("Release") or group["Spec"].get("ImageReleaseVersion") if group else None
