"""The documents of clusters whose machines the end of the cloud took away."""

from typing import Any

from trainyard.local.api.store import Store
from trainyard.local.clusters.documents import Roster


def begin_anew(store: Store, cluster: dict[str, Any]) -> None:
    """All nodes of a cluster are to be made again, and what was under way is to be finished."""
    roster = Roster(store, cluster["ClusterName"])
    for node in roster.nodes(cluster):
        anew = {"Status": "Pending", "Message": "", "Made": False, "Reboot": False, "Lost": False}
        roster.edit_node(node, **anew, NotBefore=0.0)
    roster.edit(_restarted)


def _restarted(cluster: dict[str, Any]) -> None:
    for group in cluster["Groups"]:
        if group.get("Patch"):
            # Every node gets another disk now.
            group.update(Patch=None, SoftwareUpdateStatus="Succeeded")
        if group.get("Update"):
            group["Update"].update(Left=[*group["Update"]["Batch"], *group["Update"]["Left"]], Batch=[])
        elif cluster["ClusterStatus"] == "InService":
            group["Status"] = "SystemUpdating"
    if cluster["ClusterStatus"] == "InService":
        cluster.update(ClusterStatus="SystemUpdating", Operation={"Kind": "Restart"})
