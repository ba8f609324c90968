"""The family of clusters: the operations on a whole cluster."""

import shutil
import threading
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page, select
from trainyard.local.clusters import documents
from trainyard.local.clusters.describe import describe_cluster
from trainyard.local.clusters.documents import CLUSTER, Roster, continuous, orchestrator, strategy
from trainyard.local.clusters.event_operations import EventOperations
from trainyard.local.clusters.fleet import FOLDER
from trainyard.local.clusters.keeper import Keeper
from trainyard.local.clusters.machines import MachineError, Sites
from trainyard.local.clusters.node_batches import NodeBatches
from trainyard.local.clusters.node_operations import NodeOperations
from trainyard.local.clusters.plans import check_plans, plan_of, plans_of, status
from trainyard.local.clusters.restarting import begin_anew
from trainyard.local.clusters.rules import check_create, check_update
from trainyard.local.clusters.settling import changed_groups
from trainyard.local.clusters.software_operations import SoftwareOperations

_SORTED = {"CREATION_TIME": "CreationTime", "NAME": "Name"}


class Clusters(NodeOperations, NodeBatches, SoftwareOperations, EventOperations):
    """HyperPod's clusters: each is kept by a thread of its own."""

    def __init__(self, context: Context, sites: Sites | None = None) -> None:
        """Composes the family.

        Args:
            context: what the families share.
            sites: where machines come from; None: namespaces of this machine.
        """
        self._context = context
        self._store = context.store
        self._sites = sites or _namespaces(context)
        self._lock = threading.Lock()
        self._keepers: dict[str, Keeper] = {}

    def start(self) -> None:
        """Starts the nodes of every cluster anew, their lifecycle included, and finishes what was under way."""
        known = [cluster["ClusterId"] for cluster in self._store.list(CLUSTER)]
        folder = self._context.state / FOLDER
        for left in folder.iterdir() if folder.is_dir() else ():
            if left.name not in known:
                shutil.rmtree(left, ignore_errors=True)
        for cluster in self._store.list(CLUSTER):
            begin_anew(self._store, cluster)
            self._keep(cluster)

    def stop(self) -> None:
        """Ends every node; the clusters stay as they are for the next start."""
        with self._lock:
            keepers = list(self._keepers.values())
        ending = [threading.Thread(target=keeper.stop, name="stop cluster") for keeper in keepers]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    @operation("CreateCluster")
    def create_cluster(self, request: Request, _: Caller) -> Answer:
        """Creates a cluster, which is in service when its nodes have run their lifecycle scripts."""
        check_create(request, self._context.platform)
        check_plans(self._store, request["InstanceGroups"], self._context.now())
        name = request["ClusterName"]
        document = documents.new_cluster(request, self._context.arn(f"cluster/{documents.new_id()}"))
        try:
            self._store.insert(CLUSTER, name, document)
        except ServiceError as error:
            raise ServiceError("ResourceInUse", f"ClusterName: got {name!r}, but a cluster has that name.") from error
        self._keep(document)
        return {"ClusterArn": document["ClusterArn"]}

    @operation("DescribeCluster")
    def describe_cluster(self, request: Request, _: Caller) -> Answer:
        """A cluster."""
        cluster = self._find(request["ClusterName"])
        shown = describe_cluster(cluster, self._roster(cluster).nodes(cluster))
        for group in shown["InstanceGroups"]:
            plan = plan_of(self._store, group.get("TrainingPlanArn", ""))
            if plan is not None:
                group["TrainingPlanStatus"] = status(plan, self._context.now())
        return shown

    @operation("ListClusters")
    def list_clusters(self, request: Request, _: Caller) -> Answer:
        """Clusters, newest first unless the request says otherwise."""
        wanted = {"SortOrder": "Descending", **request, "SortBy": _SORTED[request.get("SortBy", "CREATION_TIME")]}
        known = [{**cluster, "TrainingPlanArns": plans_of(cluster)} for cluster in self._store.list(CLUSTER)]
        if "TrainingPlanArn" in request:
            known = [cluster for cluster in known if request["TrainingPlanArn"] in cluster["TrainingPlanArns"]]
        rows = select(known, wanted, name="ClusterName", status="ClusterStatus")
        return page(rows, request, "ClusterSummaries", identity="ClusterArn", default=10)

    @operation("UpdateCluster")
    def update_cluster(self, request: Request, _: Caller) -> Answer:
        """Grows, shrinks, adds, changes and deletes groups. Another lifecycle of a group is for nodes to come."""
        cluster = self._find(request["ClusterName"])
        roster = self._roster(cluster)
        self._require_no_drift({**cluster["Settings"], **request}, cluster)

        def change(document: dict[str, Any]) -> None:
            self._require_settled(document)
            specs = check_update(request, document, self._context.platform)
            check_plans(self._store, specs, self._context.now(), document)
            before = {"Groups": document["Groups"], "Settings": document["Settings"]}
            document["Groups"] = changed_groups(document, specs)
            names = [name for name in documents.SETTINGS if name in request]
            document["Settings"] = {**document["Settings"], **{name: request[name] for name in names}}
            document["FailureMessage"] = ""
            if not continuous(document):
                document.update(ClusterStatus="Updating", Operation={"Kind": "Update", "Before": before})

        roster.edit(change)
        self._wake(cluster)
        return {"ClusterArn": cluster["ClusterArn"]}

    @operation("DeleteCluster")
    def delete_cluster(self, request: Request, _: Caller) -> Answer:
        """Deletes a cluster; it is gone when its nodes have ended."""
        cluster = self._find(request["ClusterName"])
        self._roster(cluster).edit(lambda document: document.update(ClusterStatus="Deleting"))
        self._wake(cluster)
        return {"ClusterArn": cluster["ClusterArn"]}

    def keeper(self, name: str) -> Keeper | None:
        """What keeps the cluster of that name."""
        with self._lock:
            return self._keepers.get(name)

    def _keep(self, cluster: dict[str, Any]) -> None:
        name = cluster["ClusterName"]

        def gone() -> None:
            with self._lock:
                if self._keepers.get(name) is keeper:
                    del self._keepers[name]

        keeper = Keeper(self._context, cluster, self._sites, gone)
        with self._lock:
            self._keepers[name] = keeper
        keeper.start()

    def _wake(self, cluster: dict[str, Any]) -> None:
        keeper = self.keeper(cluster["ClusterName"])
        if keeper is not None:
            keeper.wake()

    def _roster(self, cluster: dict[str, Any]) -> Roster:
        return Roster(self._store, cluster["ClusterName"])

    def _find(self, name_or_arn: str) -> dict[str, Any]:
        if name_or_arn.startswith("arn:"):
            # Others keep the ARN of the cluster that they are about.
            clusters = self._store.list(CLUSTER)
            cluster = next((row for row in clusters if row["ClusterArn"] == name_or_arn), None)
        else:
            cluster = self._store.get(CLUSTER, name_or_arn)
        if cluster is None:
            raise ServiceError("ResourceNotFound", f"Cluster {name_or_arn!r} does not exist.")
        return cluster

    def _require_no_drift(self, settings: dict[str, Any], cluster: dict[str, Any]) -> None:
        keeper = self.keeper(cluster["ClusterName"])
        if keeper is None or orchestrator(cluster) != "Slurm" or cluster["ClusterStatus"] != "InService":
            return
        if strategy({**cluster, "Settings": settings}) != "Managed":
            return
        try:
            lines = keeper.fleet.site().changed()
        except MachineError as error:
            raise ServiceError("ConflictException", f"slurm.conf cannot be read: {error}. Try again.", 409) from error
        if lines:
            raise invalid(
                f"Orchestrator.Slurm.SlurmConfigStrategy: got Managed, but slurm.conf has changes by hand: "
                f"{'; '.join(lines)}. Give Merge to keep them, or Overwrite to drop them."
            )


def _namespaces(context: Context) -> Sites:
    from trainyard.local.clusters.site import sites

    return sites(context)
