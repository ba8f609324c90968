"""The operations on nodes of a cluster."""

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Request, operation, page, select
from trainyard.local.clusters.describe import describe_node, summary
from trainyard.local.clusters.documents import group_of
from trainyard.local.clusters.shared import Shared

_SORTED = {"CREATION_TIME": "CreationTime", "NAME": "Name"}


class NodeOperations(Shared):
    """ListClusterNodes, DescribeClusterNode, StartClusterHealthCheck."""

    @operation("ListClusterNodes")
    def list_nodes(self, request: Request, _: Caller) -> Answer:
        """Nodes by group and time, oldest first unless the request says otherwise."""
        cluster = self._find(request["ClusterName"])
        nodes = self._roster(cluster).nodes(cluster)
        rows = [
            {
                **summary(node),
                "Logical": node["NodeLogicalId"],
                "CreationTime": node["LaunchTime"],
                **({"NodeLogicalId": node["NodeLogicalId"]} if request.get("IncludeNodeLogicalIds") else {}),
            }
            for node in nodes
        ]
        wanted = {**request, "NameContains": request.get("InstanceGroupNameContains", ""),
                  "SortBy": _SORTED[request.get("SortBy", "CREATION_TIME")]}  # fmt: skip
        chosen = select(rows, wanted, name="InstanceGroupName")
        return page(chosen, request, "ClusterNodeSummaries", identity="Logical")

    @operation("DescribeClusterNode")
    def describe_node(self, request: Request, _: Caller) -> Answer:
        """One node, by instance id or by logical id."""
        cluster = self._find(request["ClusterName"])
        if ("NodeId" in request) == ("NodeLogicalId" in request):
            raise invalid("NodeId and NodeLogicalId: exactly one of them must be given.")
        wanted = request.get("NodeId") or request["NodeLogicalId"]
        for node in self._roster(cluster).nodes(cluster):
            if wanted in (node["InstanceId"], node["NodeLogicalId"]):
                return {"NodeDetails": describe_node(cluster, node)}
        raise ServiceError("ResourceNotFound", f"Cluster {cluster['ClusterName']!r} has no node {wanted!r}.")

    @operation("StartClusterHealthCheck")
    def start_health_check(self, request: Request, _: Caller) -> Answer:
        """Checks running nodes deeply; those that fail are replaced where the cluster recovers by itself."""
        cluster = self._find(request["ClusterName"])
        self._require_in_service(cluster)
        roster, wanted = self._roster(cluster), []
        nodes = roster.nodes(cluster)
        if any(node["Status"] == "DeepHealthCheckInProgress" for node in nodes):
            raise ServiceError(
                "ConflictException", "Deep health checks are in progress, and a cluster runs one request at a time. "
                "Wait until its nodes are Running.", 409,
            )  # fmt: skip
        for index, row in enumerate(request["DeepHealthCheckConfigurations"]):
            field, name = f"DeepHealthCheckConfigurations[{index}]", row["InstanceGroupName"]
            mine = {node["InstanceId"]: node for node in nodes if node["InstanceGroupName"] == name}
            if group_of(cluster, name) is None:
                raise invalid(f"{field}.InstanceGroupName: got {name!r}, but the cluster has no such group.")
            for identity in row.get("InstanceIds", list(mine)):
                if identity not in mine or mine[identity]["Status"] != "Running":
                    raise invalid(f"{field}.InstanceIds: got {identity!r}, but {name} has no such node that runs.")
                wanted.append((mine[identity], row["DeepHealthChecks"]))
        for node, checks in wanted:
            roster.edit_node(node, Status="DeepHealthCheckInProgress", Checks=checks)
        self._wake(cluster)
        return {"ClusterArn": cluster["ClusterArn"]}
