"""The thread of one cluster: it makes the nodes that should be, ends those that should not, and says how far it is."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.clusters.announcing import Announcer
from trainyard.local.clusters.documents import CLUSTER, UP, Roster, continuous, group_of, name_of, orchestrator
from trainyard.local.clusters.events import Events
from trainyard.local.clusters.fleet import Fleet
from trainyard.local.clusters.healing import Healing
from trainyard.local.clusters.machines import Sites
from trainyard.local.clusters.patches import Patches
from trainyard.local.clusters.plans import present
from trainyard.local.clusters.schedules import Schedules
from trainyard.local.clusters.settling import Settling
from trainyard.local.clusters.slots import slot_of
from trainyard.local.clusters.software import SoftwareUpdate

_TICK_MINUTES = 0.25 / 60
_SHORTEST_TICK_SECONDS = 0.05
_JOIN_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Keeper:
    """Keeps one cluster as its document says."""

    def __init__(self, context: Context, cluster: Mapping[str, Any], sites: Sites, gone: Callable[[], None]) -> None:
        """Starts nothing.

        Args:
            context: what the families share.
            cluster: the cluster's document.
            sites: where machines come from.
            gone: told when the cluster has been deleted.
        """
        self.roster = Roster(context.store, cluster["ClusterName"])
        self._announcer = Announcer(context, cluster)
        self._events = Events(context.store, cluster["ClusterName"], cluster["ClusterId"], self._announcer)
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._gone, self._now = gone, context.now
        self._tick = max(_SHORTEST_TICK_SECONDS, _TICK_MINUTES * context.minute_seconds)
        self.fleet = Fleet(context, self.roster, cluster, sites, self._events, self._woken.set)
        self._healing = Healing(context, self.roster, self.fleet, self._events, self._announcer)
        self._settling = Settling(context, self.roster, self._events)
        self._software = SoftwareUpdate(context, self.roster, self.fleet, self._events)
        self._schedules = Schedules(context, self.roster, self._events)
        self._patches = Patches(context, self.roster, self.fleet, self._events)
        self._thread = threading.Thread(target=self._run, name=f"cluster {cluster['ClusterName']}", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def wake(self) -> None:
        """Says that the document has changed."""
        self._woken.set()

    def retire(self, node: Mapping[str, Any], reason: str) -> None:
        """Tells the scheduler and the events that a node goes away on request."""
        cluster = self.roster.cluster()
        if cluster is not None:
            self._events.node(node, f"Instance is {reason}")
            if orchestrator(cluster) == "Slurm":
                self.fleet.site().lost(slot_of(cluster, node), reason)

    def stop(self) -> None:
        """Ends the machines because the cloud goes down; the documents stay for the next start."""
        self._closing.set()
        self._woken.set()
        self.fleet.close()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.wait(self._tick)
            self._woken.clear()
            try:
                if self._closing.is_set() or self._turn():
                    return
            except ServiceError as error:
                # It is gone, or the disk is full: the next turn sees.
                _log.info("cluster %s: %s", self.roster.name, error.message)
            except Exception:
                _log.exception("cluster %s", self.roster.name)
                # The next turn may meet the same.
                time.sleep(self._tick)

    def _turn(self) -> bool:
        """One look at the cluster; whether it was the last."""
        cluster = self.roster.cluster()
        if cluster is None:
            self.fleet.close()
            return True
        self._announcer.state(cluster, self.roster.nodes(cluster))
        if cluster["ClusterStatus"] == "Deleting":
            self.fleet.close()
            for node in self.roster.nodes(cluster):
                self.roster.drop(node)
            self.fleet.clear()
            self._events.forget()
            self.roster.store.delete(CLUSTER, cluster["ClusterName"])
            self._gone()
            return True
        cluster = present(self.roster.store, cluster, self._now())
        if cluster["ClusterStatus"] != "Failed":
            self._healing.look(cluster)
            self._fill(cluster)
        self.fleet.look(cluster)
        self._software.look(cluster)
        self._schedules.look(cluster)
        self._patches.look(cluster)
        self._settling.look(cluster, self.roster.nodes(cluster))
        return False

    def _fill(self, cluster: Mapping[str, Any]) -> None:
        """As many wanted nodes in each group as it shall have; none in groups that are gone."""
        nodes = self.roster.nodes(cluster)
        going = cluster["ClusterStatus"] == "RollingBack" and cluster["Operation"]["Kind"] == "Create"
        surplus: list[Mapping[str, Any]] = [
            n for n in nodes if n["Wanted"] and group_of(cluster, n["InstanceGroupName"]) is None
        ]
        for group in cluster["Groups"]:
            mine = [node for node in nodes if node["InstanceGroupName"] == name_of(group) and node["Wanted"]]
            count = 0 if going else group["Spec"]["InstanceCount"]
            nodes += [self.roster.add(cluster, group) for _ in range(count - len(mine))]
            surplus += _last(mine, len(mine) - count)
        if not self._holds(cluster, nodes):
            for node in surplus:
                self.roster.edit_node(node, Wanted=False)

    @staticmethod
    def _holds(cluster: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> bool:
        """Whether nothing may end yet, because what comes in its place may still fail."""
        updating = cluster["ClusterStatus"] == "Updating" and not continuous(cluster)
        return updating and any(node["Wanted"] and node["Status"] not in UP for node in nodes)


def _last(nodes: Sequence[Mapping[str, Any]], count: int) -> Sequence[Mapping[str, Any]]:
    """The nodes that a shrinking group does without: first those that do not run, then the newest."""
    if count <= 0:
        return ()
    return sorted(nodes, key=lambda node: (node["Status"] == "Running", -node["LaunchTime"]))[:count]
