"""Scheduled actions: PutScheduledAction, DescribeScheduledActions, DeleteScheduledAction."""

from __future__ import annotations

import time

from ml_contract.errors import ContractError
from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.autoscaling.resources import parse
from trainyard.local.autoscaling.targets import SCHEDULED, Targets, matches
from trainyard.scaling.schedule import read_action

_FIELDS = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


class Schedules:
    """The family of scheduled actions."""

    def __init__(self, context: Context, targets: Targets) -> None:
        """Composes the operations."""
        self._store, self._targets = context.store, targets

    @operation("PutScheduledAction")
    def put(self, request: Request, _: Caller) -> Answer:
        """Adds an action, or changes the fields that are given of the one that there is."""
        resource = parse(request)
        target = self._targets.registered(resource)
        name = request["ScheduledActionName"]
        key = f"{resource.key}|{name}"
        known = self._store.get(SCHEDULED, key)
        document = {
            "ScheduledActionName": name,
            "ScheduledActionARN": self._targets.arn("scheduledAction", resource, f"scheduledActionName/{name}"),
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource.id,
            "ScalableDimension": resource.dimension,
            "CreationTime": time.time(),
            **(known or {}),
            **{field: request[field] for field in _FIELDS if field in request},
        }
        if "Schedule" not in document:
            raise invalid("Schedule: a new scheduled action needs it. Give at(…), rate(…) or cron(…).")
        try:
            read_action(document)
        except ContractError as error:
            raise invalid(str(error)) from error
        limits = document["ScalableTargetAction"]
        low = limits.get("MinCapacity", target["MinCapacity"])
        if low < 0:
            raise invalid(f"ScalableTargetAction.MinCapacity: got {low}, but it is 0 or more.")
        if known is None:
            self._store.insert(SCHEDULED, key, document)
        else:
            self._store.update(SCHEDULED, key, **document)
        return {}

    @operation("DescribeScheduledActions")
    def describe(self, request: Request, _: Caller) -> Answer:
        """Actions, those of one resource, dimension, or name."""
        names = request.get("ScheduledActionNames")
        rows = [
            row
            for row in self._store.list(SCHEDULED)
            if matches(row, request) and (names is None or row["ScheduledActionName"] in names)
        ]
        return page(rows, request, "ScheduledActions", identity="ScheduledActionARN", default=50)

    @operation("DeleteScheduledAction")
    def delete(self, request: Request, _: Caller) -> Answer:
        """Removes an action."""
        resource = parse(request)
        if not self._store.delete(SCHEDULED, f"{resource.key}|{request['ScheduledActionName']}"):
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scheduled action found for service namespace: sagemaker, resource ID: {resource.id}, "
                f"scalable dimension: {resource.dimension}, scheduled action name: {request['ScheduledActionName']}",
            )
        return {}
