"""What is done to several nodes of a cluster at once: added, deleted, replaced, rebooted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Request, operation
from trainyard.local.clusters.documents import continuous, group_of
from trainyard.local.clusters.group_rules import check_groups
from trainyard.local.clusters.healing import replace
from trainyard.local.clusters.plans import check_plans
from trainyard.local.clusters.refusals import ADDING
from trainyard.local.clusters.shared import Shared
from trainyard.local.jobs.refusals import refuse

_MOST_ADDED, _MOST_LOGICAL = 50, 50
"""Nodes a BatchAddClusterNodes request, identifiers a BatchDeleteClusterNodes request (API reference, 2026-11-22)."""


class NodeBatches(Shared):
    """BatchAddClusterNodes, BatchDeleteClusterNodes, BatchReplaceClusterNodes, BatchRebootClusterNodes."""

    @operation("BatchAddClusterNodes")
    def add_nodes(self, request: Request, _: Caller) -> Answer:
        """Grows groups of a cluster with continuous provisioning."""
        refuse(request, ADDING)
        cluster = self._find(request["ClusterName"])
        if not continuous(cluster):
            raise invalid(
                f"ClusterName: {cluster['ClusterName']!r} does not have NodeProvisioningMode Continuous. "
                "Use UpdateCluster with a larger InstanceCount."
            )
        asked = request["NodesToAdd"]
        total = sum(row["IncrementTargetCountBy"] for row in asked)
        if total > _MOST_ADDED:
            raise invalid(f"NodesToAdd: got {total} nodes in all, but a request adds at most {_MOST_ADDED}.")
        roster, token = self._roster(cluster), request.get("ClientToken")
        answer: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}

        def change(document: dict[str, Any]) -> None:
            known = document["Tokens"].get(token)
            if known is not None:
                answer.update(known)
                return
            self._require_in_service(document)
            for row in asked:
                group = group_of(document, row["InstanceGroupName"])
                if group is None:
                    answer["Failed"].append(
                        {"InstanceGroupName": row["InstanceGroupName"], "ErrorCode": "InstanceGroupNotFound",
                         "FailedCount": row["IncrementTargetCountBy"]})  # fmt: skip
                    continue
                group["Spec"]["InstanceCount"] += row["IncrementTargetCountBy"]
                added = [roster.add(document, group) for _ in range(row["IncrementTargetCountBy"])]
                answer["Successful"] += [
                    {"NodeLogicalId": node["NodeLogicalId"], "InstanceGroupName": row["InstanceGroupName"],
                     "Status": "Pending"} for node in added]  # fmt: skip
            specs = [group["Spec"] for group in document["Groups"]]
            try:
                check_groups(specs, document["Settings"], self._context.platform)
                check_plans(self._context.store, specs, self._context.now(), document)
            except ServiceError:
                for row in answer["Successful"]:
                    roster.drop({"ClusterId": document["ClusterId"], "NodeLogicalId": row["NodeLogicalId"]})
                raise
            if token:
                document["Tokens"] = {token: {name: list(rows) for name, rows in answer.items()}}

        roster.edit(change)
        for row in answer["Successful"]:
            node = roster.node(cluster, row["NodeLogicalId"])
            row["Status"] = node["Status"] if node else "NotFound"
        self._wake(cluster)
        return answer

    @operation("BatchDeleteClusterNodes")
    def delete_nodes(self, request: Request, _: Caller) -> Answer:
        """Takes nodes out of their groups, which shrink by as many."""
        if "NodeIds" not in request and "NodeLogicalIds" not in request:
            raise invalid("NodeIds and NodeLogicalIds: got neither. Give at least one of them.")
        if len(request.get("NodeLogicalIds", [])) > _MOST_LOGICAL:
            raise invalid(f"NodeLogicalIds: got more than {_MOST_LOGICAL}. Give fewer.")

        def delete(cluster: dict[str, Any], node: dict[str, Any]) -> None:
            def change(document: dict[str, Any]) -> None:
                group = group_of(document, node["InstanceGroupName"])
                if group is not None:
                    group["Spec"]["InstanceCount"] -= 1
                    least = group["Spec"].get("MinInstanceCount")
                    if least is not None:
                        group["Spec"]["MinInstanceCount"] = min(least, group["Spec"]["InstanceCount"])

            roster = self._roster(cluster)
            roster.edit_node(node, Wanted=False)
            roster.edit(change)

        known = "NodeIdNotFound", "InvalidNodeStatus"
        return self._each(request, delete, codes=known, code="Code", statuses=("Running", "Failure", "Pending"))

    @operation("BatchReplaceClusterNodes")
    def replace_nodes(self, request: Request, _: Caller) -> Answer:
        """Gives nodes other instances; their lifecycle runs again."""
        self._require_logical_allowed(request)

        def change(cluster: dict[str, Any], node: dict[str, Any]) -> None:
            keeper = self.keeper(cluster["ClusterName"])
            if keeper is not None:
                keeper.retire(node, "replaced on request")
                replace(self._roster(cluster), keeper.fleet, node)

        return self._each(request, change, codes=("InstanceIdNotFound", "InvalidInstanceStatus"), code="ErrorCode")

    @operation("BatchRebootClusterNodes")
    def reboot_nodes(self, request: Request, _: Caller) -> Answer:
        """Restarts nodes: their disks stay, and their lifecycle does not run again."""
        self._require_logical_allowed(request)

        def change(cluster: dict[str, Any], node: dict[str, Any]) -> None:
            keeper = self.keeper(cluster["ClusterName"])
            if keeper is not None:
                keeper.retire(node, "rebooted on request")
                self._roster(cluster).edit_node(
                    node, Status="Pending", Message="Rebooting", Reboot=True, Made=False, NotBefore=0.0
                )
                keeper.fleet.power_off(node)

        return self._each(
            request, change, codes=("InstanceIdNotFound", "InvalidInstanceStatus"), code="ErrorCode", controllers=True
        )

    def _each(
        self,
        request: Request,
        change: Callable[[dict[str, Any], dict[str, Any]], None],
        *,
        codes: tuple[str, str],
        code: str,
        controllers: bool = False,
        statuses: Sequence[str] = ("Running", "Failure"),
    ) -> Answer:
        """Does something to each node that a request names, and says of each whether it was done.

        Args:
            request: NodeIds and NodeLogicalIds are read from it.
            change: what is done to a cluster's node.
            codes: the error codes of a node that is not there, and of one that it cannot be done to.
            code: the answer's field for them.
            controllers: whether it can be done to Slurm's controller.
            statuses: in which it can be done to a node.
        """
        cluster = self._find(request["ClusterName"])
        self._require_in_service(cluster)
        answer: dict[str, list[Any]] = {}
        nodes = self._roster(cluster).nodes(cluster)
        for field, key, done, failed, name in (
            ("NodeIds", "InstanceId", "Successful", "Failed", "NodeId"),
            ("NodeLogicalIds", "NodeLogicalId", "SuccessfulNodeLogicalIds", "FailedNodeLogicalIds", "NodeLogicalId"),
        ):
            for identity in request.get(field, []):
                node = next((node for node in nodes if node[key] == identity), None)
                problem = _problem(cluster, node, identity, codes, controllers=controllers, statuses=statuses)
                if problem is None and node is not None:
                    change(cluster, node)
                    answer.setdefault(done, []).append(identity)
                elif problem is not None:
                    row = {name: identity, code: problem[0], "Message": problem[1]}
                    answer.setdefault(failed, []).append(row)
        self._wake(cluster)
        return answer

    def _require_logical_allowed(self, request: Request) -> None:
        if "NodeIds" not in request and "NodeLogicalIds" not in request:
            raise invalid("NodeIds and NodeLogicalIds: got neither. Give at least one of them.")
        if "NodeLogicalIds" in request and not continuous(self._find(request["ClusterName"])):
            raise invalid("NodeLogicalIds: only with NodeProvisioningMode Continuous. Give NodeIds.")


def _problem(
    cluster: Mapping[str, Any],
    node: Mapping[str, Any] | None,
    identity: str,
    codes: Sequence[str],
    *,
    controllers: bool,
    statuses: Sequence[str],
) -> tuple[str, str] | None:
    if node is None:
        return codes[0], f"The cluster has no node {identity}."
    group = group_of(cluster, node["InstanceGroupName"])
    slurm = group["Spec"].get("SlurmConfig", {}) if group else {}
    if slurm.get("NodeType") == "Controller" and not controllers:
        return codes[1], f"{identity} is the Slurm controller, which can be neither deleted nor replaced."
    if node["Status"] not in statuses or not node["Wanted"]:
        return codes[1], f"{identity} is {node['Status']}. Wait until it is Running."
    return None
