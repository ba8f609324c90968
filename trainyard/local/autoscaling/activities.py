"""What scaled when, and why: the records behind DescribeScalingActivities."""

from __future__ import annotations

import time
import uuid
from typing import Any

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.store import Store
from trainyard.local.autoscaling.resources import Resource
from trainyard.local.autoscaling.targets import ACTIVITY
from trainyard.scaling.state import Activity

_KEPT = 200
"""Activities that are remembered, of all targets; AWS keeps six weeks of them."""
_WORDS = {"DesiredInstanceCount": "instance count", "DesiredCopyCount": "copy count"}


class Activities:
    """The activities of all targets."""

    def __init__(self, store: Store) -> None:
        """Composes it."""
        self._store = store

    def begin(self, resource: Resource, activity: Activity) -> str:
        """Records an activity under way; returns its id."""
        identity = str(uuid.uuid4())
        what = _WORDS.get(resource.dimension.rpartition(":")[2], "provisioned concurrency")
        by = "the capacity limits" if activity.source == "limits" else f"the policy {activity.source}"
        document = {
            "ActivityId": identity,
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource.id,
            "ScalableDimension": resource.dimension,
            "Description": f"Setting desired {what} to {activity.after}.",
            "Cause": f"{activity.cause}: {by} wants {activity.after} instead of {activity.before}",
            "StartTime": time.time(),
            "StatusCode": "InProgress",
            "StatusMessage": f"Setting desired {what} to {activity.after}.",
        }
        self._store.insert(ACTIVITY, identity, document)
        rows = self._store.list(ACTIVITY)
        for old in rows[: max(0, len(rows) - _KEPT)]:
            self._store.delete(ACTIVITY, old["ActivityId"])
        return identity

    def end(self, identity: str, status: str, message: str) -> None:
        """Records how an activity ended."""
        changes: dict[str, Any] = {"StatusCode": status, "StatusMessage": message, "EndTime": time.time()}
        try:
            self._store.update(ACTIVITY, identity, **changes)
        except ServiceError:
            return  # so many since then that it is forgotten
