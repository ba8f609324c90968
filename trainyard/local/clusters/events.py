"""What happened to a cluster, as ListClusterEvents and DescribeClusterEvent tell it.

The record's fields: SageMaker HyperPod cluster events reference, SageMaker Developer Guide, read 2026-11-22. AWS has
them for clusters whose NodeProvisioningMode is Continuous only, and so does this cloud: elsewhere the operations
refuse.
"""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from trainyard.local.api.store import Store
from trainyard.local.clusters.announcing import Announcer

EVENT = "cluster-event"
"""Kind of events in the store; by the cluster's id and the event's id."""
_MOST = 1000
"""Events kept of a cluster; the oldest go first."""


class Events:
    """Writes the events of one cluster."""

    def __init__(self, store: Store, name: str, cluster_id: str, announcer: Announcer) -> None:
        """Names the cluster, and who else hears of it."""
        self._store, self._name, self._id, self._announcer = store, name, cluster_id, announcer
        self._written = 0

    def cluster(self, description: str, *, level: str = "Info", failure: str = "") -> None:
        """Something happened to the cluster as a whole."""
        self._write("Cluster", description, level, _metadata("Cluster", failure))

    def group(self, group: str, description: str, *, level: str = "Info", failure: str = "") -> None:
        """Something happened to an instance group."""
        self._write("InstanceGroup", description, level, _metadata("InstanceGroup", failure), InstanceGroupName=group)

    def node(
        self,
        node: Mapping[str, Any],
        description: str,
        *,
        level: str = "Info",
        failure: str = "",
        lifecycle: str | None = None,
    ) -> None:
        """Something happened to a node; `lifecycle` is the state that its lifecycle scripts are in."""
        known = {"FailureMessage": failure or None, "LcsExecutionState": lifecycle,
                 "NodeLogicalId": node["NodeLogicalId"]}  # fmt: skip
        metadata = {"Instance": {name: value for name, value in known.items() if value}}
        where = {"InstanceGroupName": node["InstanceGroupName"], "InstanceId": node["InstanceId"]}
        self._write("Instance", description, level, metadata, **where)

    def forget(self) -> None:
        """Removes all events of the cluster."""
        for event in self._store.list(EVENT, f"{self._id}/"):
            self._store.delete(EVENT, f"{self._id}/{event['EventId']}")

    def _write(self, kind: str, description: str, level: str, metadata: Mapping[str, Any], **where: str) -> None:
        identity = str(uuid.uuid4())
        event = {
            "EventId": identity,
            "ClusterName": self._name,
            "ResourceType": kind,
            "EventTime": time.time(),
            "EventLevel": level,
            "Description": description,
            "EventDetails": {"EventMetadata": metadata},
            **where,
        }
        self._store.insert(EVENT, f"{self._id}/{identity}", event)
        self._announcer.event(event)
        self._written += 1
        if self._written % 50 == 0:
            for old in self._store.list(EVENT, f"{self._id}/")[:-_MOST]:
                self._store.delete(EVENT, f"{self._id}/{old['EventId']}")


def _metadata(kind: str, failure: str) -> dict[str, Any]:
    return {kind: {"FailureMessage": failure} if failure else {}}
