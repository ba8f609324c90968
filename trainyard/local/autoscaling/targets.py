"""Scalable targets: RegisterScalableTarget and DescribeScalableTargets."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any, Final

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.autoscaling.resources import Resource, Resources, parse

TARGET: Final = "scalable-target"
POLICY: Final = "scaling-policy"
SCHEDULED: Final = "scheduled-action"
STATE: Final = "scaling-state"
ACTIVITY: Final = "scaling-activity"


class Targets:
    """The family of scalable targets."""

    def __init__(self, context: Context, resources: Resources) -> None:
        """Composes the operations."""
        self._context, self._store, self._resources = context, context.store, resources

    @operation("RegisterScalableTarget")
    def register(self, request: Request, _: Caller) -> Answer:
        """Registers a target, or changes the one that there is."""
        resource = parse(request)
        capacity = self._resources.capacity(resource)
        self._resources.check_type(resource)
        known = self._store.get(TARGET, resource.key)
        if known is None:
            for field in ("MinCapacity", "MaxCapacity"):
                if field not in request:
                    raise invalid(f"{field}: it is missing, but a new scalable target needs it. Give it.")
        document = {**(known or self._new(resource, request)), **_given(request)}
        low, high = document["MinCapacity"], document["MaxCapacity"]
        if not 0 <= low <= high:
            raise invalid(f"MinCapacity: got {low} with MaxCapacity {high}, but it lies between 0 and MaxCapacity.")
        if low < capacity.least:
            raise invalid(f"MinCapacity: got {low}, but {resource.id} keeps at least {capacity.least}. Give more.")
        if known is None:
            self._store.insert(TARGET, resource.key, document)
        else:
            if request.get("Tags"):
                raise invalid("Tags: the target is registered already. Use TagResource.")
            self._store.update(TARGET, resource.key, **_given(request))
        return {"ScalableTargetARN": document["ScalableTargetARN"]}

    @operation("DescribeScalableTargets")
    def describe(self, request: Request, _: Caller) -> Answer:
        """Targets, those of some resources, or of one dimension."""
        wanted = request.get("ResourceIds")
        rows = [
            row
            for row in self._store.list(TARGET)
            if matches(row, request) and (wanted is None or row["ResourceId"] in wanted)
        ]
        return page(rows, request, "ScalableTargets", identity="ScalableTargetARN", default=50)

    def remove(self, resource: Resource) -> None:
        """Removes a target with its scheduled actions; its policies are gone already."""
        for row in self.of(SCHEDULED, resource):
            self._store.delete(SCHEDULED, f"{resource.key}|{row['ScheduledActionName']}")
        self._store.delete(STATE, resource.key)
        self._store.delete(TARGET, resource.key)

    def registered(self, resource: Resource) -> Document:
        """A target's document.

        Raises:
            ServiceError: ObjectNotFoundException, in AWS's words.
        """
        found = self._store.get(TARGET, resource.key)
        if found is None:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scalable target registered for service namespace: sagemaker, resource ID: {resource.id}, "
                f"scalable dimension: {resource.dimension}",
            )
        return found

    def of(self, kind: str, resource: Resource) -> list[Document]:
        """Policies, or scheduled actions, of a target."""
        return self._store.list(kind, f"{resource.key}|")

    def arn(self, kind: str, resource: Resource, name: str) -> str:
        """The ARN of a policy or scheduled action of a target."""
        region, account = self._context.region, self._context.account
        return f"arn:aws:autoscaling:{region}:{account}:{kind}:{uuid.uuid4()}:resource/sagemaker/{resource.id}:{name}"

    def _new(self, resource: Resource, request: Request) -> Document:
        region, account = self._context.region, self._context.account
        prefix = f"arn:aws:application-autoscaling:{region}:{account}"
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource.id,
            "ScalableDimension": resource.dimension,
            "RoleARN": self._resources.role,
            "CreationTime": time.time(),
            "ScalableTargetARN": f"{prefix}:scalable-target/{uuid.uuid4().hex}",
            "SuspendedState": dict.fromkeys(_SUSPENDED, False),
            "Tags": request.get("Tags", {}),
        }


_SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def _given(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {
        field: request[field] for field in ("MinCapacity", "MaxCapacity", "RoleARN") if field in request
    }
    if "SuspendedState" in request:
        found["SuspendedState"] = dict.fromkeys(_SUSPENDED, False) | request["SuspendedState"]
    return found


def matches(row: Document, request: Request, fields: Iterable[str] = ("ResourceId", "ScalableDimension")) -> bool:
    """Whether a Describe request asks for a document."""
    return request["ServiceNamespace"] == row["ServiceNamespace"] and all(
        row[field] == request[field] for field in fields if field in request
    )
