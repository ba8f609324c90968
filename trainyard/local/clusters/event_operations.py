"""The operations on a cluster's events."""

from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Request, operation, page
from trainyard.local.clusters.documents import continuous
from trainyard.local.clusters.events import EVENT
from trainyard.local.clusters.shared import Shared


class EventOperations(Shared):
    """ListClusterEvents and DescribeClusterEvent."""

    @operation("ListClusterEvents")
    def list_events(self, request: Request, _: Caller) -> Answer:
        """Events by group, node, time and kind of resource, newest first unless the request says otherwise."""
        cluster = self._eventful(request)
        if "OperationId" in request:
            raise invalid("OperationId: the embedded cloud does not number operations. Filter by time instead.")
        wanted = {"InstanceGroupName": "InstanceGroupName", "NodeId": "InstanceId", "ResourceType": "ResourceType"}
        rows = [
            event
            for event in self._context.store.list(EVENT, f"{cluster['ClusterId']}/")
            if all(event.get(field) == request[name] for name, field in wanted.items() if name in request)
            and request.get("EventTimeAfter", 0) < event["EventTime"] < request.get("EventTimeBefore", float("inf"))
        ]
        if request.get("SortOrder") != "Ascending":
            rows.reverse()
        shown = [{**row, "ClusterArn": cluster["ClusterArn"]} for row in rows]
        return page(shown, request, "Events", identity="EventId", default=20)

    @operation("DescribeClusterEvent")
    def describe_event(self, request: Request, _: Caller) -> Answer:
        """One event in full."""
        cluster = self._eventful(request)
        event = self._context.store.get(EVENT, f"{cluster['ClusterId']}/{request['EventId']}")
        if event is None:
            raise ServiceError(
                "ResourceNotFound", f"EventId: got {request['EventId']!r}, but the cluster has no such event."
            )
        return {"EventDetails": {**event, "ClusterArn": cluster["ClusterArn"]}}

    def _eventful(self, request: Request) -> dict[str, Any]:
        cluster = self._find(request["ClusterName"])
        if not continuous(cluster):
            raise invalid(
                f"ClusterName: got {request['ClusterName']!r}, but events are kept of clusters whose "
                "NodeProvisioningMode is Continuous only. Create it with NodeProvisioningMode=Continuous."
            )
        return cluster
