"""What EventBridge hears of a cluster: its states, the health of its nodes, its events.

Source: "Events that Amazon SageMaker AI sends to Amazon EventBridge" and "SageMaker HyperPod cluster events reference",
SageMaker AI Developer Guide, read 2026-11-22. Times in a detail are in milliseconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard.local.api.service import Context
from trainyard.local.clusters.describe import describe_cluster
from trainyard.local.clusters.documents import continuous

_STATE = "SageMaker HyperPod Cluster State Change"
_HEALTH = "SageMaker HyperPod Cluster Node Health Event"
_EVENT = "SageMaker HyperPod Cluster Event"


class Announcer:
    """Tells of one cluster."""

    def __init__(self, context: Context, cluster: Mapping[str, Any]) -> None:
        """Names the cluster."""
        self._announce = context.announce
        self._arn, self._name = cluster["ClusterArn"], cluster["ClusterName"]
        self._continuous = continuous(cluster)
        self._status = ""

    def state(self, cluster: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]) -> None:
        """The cluster as it is now; told when its status is another than the last time."""
        if cluster["ClusterStatus"] == self._status:
            return
        self._status = cluster["ClusterStatus"]
        detail = {**describe_cluster(cluster, nodes), "FailureMessage": cluster["FailureMessage"]}
        self._announce(_STATE, self._arn, {**detail, "CreationTime": int(cluster["CreationTime"] * 1000)})

    def unhealthy(self, node: Mapping[str, Any], reason: str, action: str) -> None:
        """A node has been found faulty.

        Args:
            node: the node.
            reason: what is wrong with it.
            action: what becomes of it: Replace or None.
        """
        health = {"HealthStatus": "Unhealthy", "HealthStatusReason": reason, "RepairAction": action}
        detail = {
            "ClusterName": self._name,
            "ClusterArn": self._arn,
            "InstanceId": node["InstanceId"],
            "HealthSummary": health,
        }
        self._announce(_HEALTH, self._arn, detail)

    def event(self, event: Mapping[str, Any]) -> None:
        """An event of the cluster; AWS tells of those with continuous provisioning alone."""
        if self._continuous:
            shown = {**event, "ClusterArn": self._arn, "EventTime": int(event["EventTime"] * 1000)}
            self._announce(_EVENT, self._arn, {"EventDetails": shown})
