"""The machines of one cluster: made side by side on threads of their own, ended, and told of each other."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.building import Builder
from trainyard.local.clusters.documents import Roster, group_of
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.machines import Machine, MachineError, Site, Sites
from trainyard.local.clusters.making import Unmade
from trainyard.local.clusters.places import NoAddress, Places
from trainyard.local.clusters.plans import plan_of

FOLDER = "clusters"
"""Below the cloud's state: a folder for each cluster."""
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
        self._machines: dict[str, tuple[str, Machine]] = {}
        self._making: dict[str, threading.Thread] = {}
        self._site: Site | None = None
        self._places = Places(context.platform, cluster)
        self._closed = False
        self._builder = Builder(context, roster, cluster, events, self)

    @property
    def closed(self) -> bool:
        """Whether all machines end now."""
        return self._closed

    def keep(self, node: Node, machine: Machine) -> bool:
        """Takes a node's machine; False when all end now."""
        with self._lock:
            if not self._closed:
                self._machines[node["NodeLogicalId"]] = node["InstanceId"], machine
            return not self._closed

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
                self._site = self._sites(self._cluster)
            return self._site

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
                self._launch(cluster, node, self._builder.make)
                changed = True
            elif node.get("Checks") and not busy:
                self._launch(cluster, node, self._builder.check)
        if changed:
            with self._lock:
                machines = [machine for _, machine in self._machines.values()]
            self._builder.tell(cluster, machines)

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
            plan = plan_of(self._context.store, group["Spec"].get("TrainingPlanArn", ""))
            if plan is not None and zone not in ("", plan["AvailabilityZone"]):
                self._fail(node, f"Instance {node['InstanceId']} failed to launch: insufficient capacity in {zone}: "
                           f"{plan['TrainingPlanArn']} reserves instances in {plan['AvailabilityZone']}")  # fmt: skip
                node["Status"] = "Failure"
                continue
            node.update(Address=address, Zone=zone)
            self._roster.edit_node(node, Address=address, Zone=zone)
            changed = True
        return changed

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
