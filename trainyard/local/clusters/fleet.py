"""The machines of one cluster: made side by side on threads of their own, ended, and told of each other."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters.documents import Roster, group_of, orchestrator
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.health_checks import HealthChecks
from trainyard.local.clusters.machines import Machine, MachineError, Site, Sites, Slot
from trainyard.local.clusters.making import Maker, Unmade
from trainyard.local.clusters.places import NoAddress, Places

FOLDER = "clusters"
"""Below the cloud's state: a folder for each cluster."""
_POLL_SECONDS = 0.1
_JOIN_SECONDS = 30.0
_log = logging.getLogger(__name__)

Node = Mapping[str, Any]


class Fleet:
    """The machines of one cluster, by the logical id of their node."""

    def __init__(
        self, context: Context, roster: Roster, cluster: Mapping[str, Any], sites: Sites, events: Events,
        wake: Callable[[], None],
    ) -> None:  # fmt: skip
        """Starts nothing; machines are made from the first `look` on."""
        self._context, self._roster, self._events, self._wake = context, roster, events, wake
        self._cluster, self._sites = cluster, sites
        self._folder = context.state / FOLDER / cluster["ClusterId"]
        self._lock = threading.RLock()
        self._agent = threading.Lock()
        self._machines: dict[str, tuple[str, Machine]] = {}
        self._making: dict[str, threading.Thread] = {}
        self._site: Site | None = None
        self._places = Places(context.platform, cluster)
        self._closed = False

    def machine(self, node: Node) -> Machine | None:
        """The machine of a node as it is now; None where it has none."""
        with self._lock:
            found = self._machines.get(node["NodeLogicalId"])
        return found[1] if found and found[0] == node["InstanceId"] else None

    def site(self) -> Site:
        """Where the machines stand, made when it is first asked for."""
        with self._lock:
            if self._closed:
                raise MachineError("the cluster is being deleted, or the cloud goes down")
            if self._site is None:
                self._site = self._sites({**self._cluster, "Network": self._places.network()})
            return self._site

    def slots(self, cluster: Mapping[str, Any]) -> list[Slot]:
        """The places of all nodes that are wanted."""
        nodes = [node for node in self._roster.nodes(cluster) if node["Wanted"] and node["Address"]]
        return [self.slot(cluster, node) for node in nodes]

    def slot(self, cluster: Mapping[str, Any], node: Node) -> Slot:
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
            mounts=tuple(part.get("MountPath", "/fsx") for part in lustre) or ("/fsx",),
            up=bool(node.get("Made")),
        )

    def look(self, cluster: Mapping[str, Any]) -> None:
        """Ends what is not wanted any more, and begins to make what is."""
        nodes = self._roster.nodes(cluster)
        changed = self._settle_places(cluster, nodes)
        for node in nodes:
            busy = node["NodeLogicalId"] in self._making
            if not node["Wanted"]:
                self._end(node, busy=busy)
                changed = changed or not busy
            elif node["Status"] in ("Pending", "SystemUpdating") and not busy and node["NotBefore"] <= time.time():
                self._launch(cluster, node, self._make)
                changed = True
            elif node.get("Checks") and not busy:
                self._launch(cluster, node, self._check)
        if changed:
            self._tell(cluster)

    def power_off(self, node: Node) -> None:
        """Ends a node's machine at once, as a loss of power does."""
        with self._lock:
            found = self._machines.pop(node["NodeLogicalId"], None)
        if found is not None:
            found[1].kill()

    def close(self) -> None:
        """Ends every machine."""
        with self._lock:
            self._closed = True
            site, self._site = self._site, None
            self._machines.clear()
            making = list(self._making.values())
        if site is not None:
            site.close()
        for thread in making:
            thread.join(_JOIN_SECONDS)

    def clear(self) -> None:
        """Removes what the machines kept on their disks and in the shared file system."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _settle_places(self, cluster: Mapping[str, Any], nodes: Sequence[dict[str, Any]]) -> bool:
        """Gives new nodes an address; whether there were any."""
        changed = False
        for node in nodes:
            group = group_of(cluster, node["InstanceGroupName"])
            if node["Address"] or not node["Wanted"] or node["Status"] != "Pending" or group is None:
                continue
            try:
                address, zone = self._places.find(group["Spec"], [other["Address"] for other in nodes])
            except NoAddress as error:
                self._fail(node, f"Instance {node['InstanceId']} failed to launch: {error}")
                node["Status"] = "Failure"
                continue
            node.update(Address=address, Zone=zone)
            self._roster.edit_node(node, Address=address, Zone=zone)
            changed = True
        return changed

    def _tell(self, cluster: Mapping[str, Any]) -> None:
        """Every node that is up learns of the others; Slurm's nodes come and go with them."""
        slots = self.slots(cluster)
        with self._lock:
            machines = [machine for _, machine in self._machines.values()]
        maker = self._maker()
        for machine in machines:
            maker.tell(machine, cluster, slots)
        if any(slot.up and slot.node_type == "Controller" for slot in slots):
            try:
                self._configure(cluster)
            except MachineError as error:
                self._events.cluster("The scheduler's configuration failed", level="Error", failure=str(error))

    def _launch(self, cluster: Mapping[str, Any], node: Node, step: Callable[[Mapping[str, Any], Node], None]) -> None:
        def work() -> None:
            try:
                step(cluster, node)
            except Unmade as error:
                self.power_off(node)
                self._fail(node, str(error))
            except Exception as error:
                _log.exception("node %s", node["NodeLogicalId"])
                self.power_off(node)
                self._fail(node, f"InternalServerError: the embedded cloud failed: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._making.pop(node["NodeLogicalId"], None)
                self._wake()

        thread = threading.Thread(target=work, name=f"node {node['NodeLogicalId']}", daemon=True)
        with self._lock:
            if self._closed:
                return
            self._making[node["NodeLogicalId"]] = thread
        thread.start()

    def _make(self, cluster: Mapping[str, Any], node: Node) -> None:
        """A node from nothing, or from its reboot, to Running."""
        maker, group = self._maker(), group_of(cluster, node["InstanceGroupName"])
        spec = group["Spec"] if group else {}
        reboot = bool(node.get("Reboot"))
        machine = maker.boot(self.slot(cluster, node), fresh=not reboot)
        with self._lock:
            closed = self._closed
            if not closed:
                self._machines[node["NodeLogicalId"]] = node["InstanceId"], machine
        if closed:
            machine.kill()
            return
        maker.tell(machine, cluster, self.slots(cluster))
        config = {} if reboot else spec.get("LifeCycleConfig") or {}
        self._run(maker, machine, node, spec, config, "OnCreate")
        kept = {} if reboot else {"LifeCycleConfig": spec.get("LifeCycleConfig"), "Release": self._release(group)}
        self._roster.edit_node(node, Made=True, Reboot=False, **kept)
        self._join(cluster, node, machine)
        self._run(maker, machine, node, spec, config, "OnInitComplete")
        checks = [] if reboot else spec.get("OnStartDeepHealthChecks", [])
        HealthChecks(self._context, self._roster, self._events).run(cluster, node, checks)
        updated = {"LastSoftwareUpdateTime": time.time()} if node["Status"] == "SystemUpdating" else {}
        self._roster.edit_node(node, Status="Running", Message="", Attempts=0, Lost=False, **updated)
        done = "rebooted" if reboot else "created"
        self._events.node(node, f"Instance {done} in Cluster {self._roster.name} and InstanceGroup "
                          f"{node['InstanceGroupName']}", lifecycle="Succeeded" if config else None)  # fmt: skip

    def _check(self, cluster: Mapping[str, Any], node: Node) -> None:
        """Deep health checks of a node that runs; one that fails them counts as lost, not as never made."""
        checks = node["Checks"]
        self._roster.edit_node(node, Checks=None, Lost=True)
        HealthChecks(self._context, self._roster, self._events).run(cluster, node, checks)
        self._roster.edit_node(node, Status="Running", Lost=False)

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
        while not any(slot.up and slot.node_type == "Controller" for slot in self.slots(cluster)):
            if self._closed or not machine.alive:
                raise Unmade(f"Instance {node['InstanceId']} went down before the Slurm controller came up")
            time.sleep(_POLL_SECONDS)
        try:
            self._configure(self._roster.cluster() or cluster)
        except MachineError as error:
            raise Unmade(f"Instance {node['InstanceId']} failed to join the Slurm cluster: {error}") from error

    def _configure(self, cluster: Mapping[str, Any]) -> None:
        # One at a time: the last one knows of all nodes that came before it.
        with self._agent:
            if orchestrator(cluster) == "Slurm":
                self.site().configure(self.slots(cluster))

    def _end(self, node: Node, *, busy: bool) -> None:
        """Ends a node that is not wanted; one that is being made ends by itself when its machine is gone."""
        self._roster.edit_node(node, Status="ShuttingDown")
        self.power_off(node)
        if not busy:
            self._roster.drop(node)
            self._events.node(node, f"Instance deleted from InstanceGroup {node['InstanceGroupName']}")

    def _fail(self, node: Node, message: str) -> None:
        with self._lock:
            if self._closed:
                return
        changes = {"Status": "Failure", "Message": message, "Made": False, "NotBefore": time.time()}
        if self._roster.edit_node(node, **changes, Attempts=node["Attempts"] + 1):
            group = node["InstanceGroupName"]
            self._events.node(
                node, f"Instance creation in Cluster {self._roster.name} and InstanceGroup {group} failed",
                level="Error", failure=message, lifecycle="Failed" if "Lifecycle" in message else None,
            )  # fmt: skip

    def _maker(self) -> Maker:
        try:
            return Maker(self._context, self._cluster, self.site())
        except (MachineError, ServiceError, OSError) as error:
            raise Unmade(f"the embedded cloud cannot provide nodes: {error}") from error

    @staticmethod
    def _release(group: Mapping[str, Any] | None) -> str | None:
        return group.get("Release") or group["Spec"].get("ImageReleaseVersion") if group else None
