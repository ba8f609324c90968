"""The family of training plans: instances of a type, reserved for clusters for a time. Nothing is paid here.

What is offered is what is asked for, from the time that is asked for, in each zone of the region.
"""

import secrets
from typing import Any

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.clusters.plans import PLAN, in_use, status
from trainyard.local.jobs.refusals import Refusal, refuse

_OFFERING = "training-plan-offering"
_ZONES = "abcdef"
_TARGET = "hyperpod-cluster"
_HOUR = 3600
_ULTRA = "Leave it out: there are no UltraServers here."
_SEARCHING = (
    Refusal(path="UltraServerType", way_out=_ULTRA),
    Refusal(path="UltraServerCount", way_out=_ULTRA),
    Refusal(path="TrainingPlanArn", way_out="Create another plan: none is extended here."),
    Refusal(
        path="TargetResources",
        way_out=f"Write [{_TARGET}]: jobs and endpoints have no plans here.",
        allowed=lambda value: value == [_TARGET],
    ),
)
_CREATING = (Refusal(path="SpareInstanceCountPerUltraServer", way_out=_ULTRA),)
_SORTED = {"TrainingPlanName": "TrainingPlanName", "StartTime": "StartTime", "Status": "Status"}


class TrainingPlans:
    """SearchTrainingPlanOfferings, CreateTrainingPlan, DescribeTrainingPlan, ListTrainingPlans."""

    def __init__(self, context: Context) -> None:
        """Composes the family."""
        self._context, self._store = context, context.store

    @operation("SearchTrainingPlanOfferings")
    def search(self, request: Request, _: Caller) -> Answer:
        """An offering for each zone, which begins when it is asked for."""
        refuse(request, _SEARCHING)
        for name in ("InstanceType", "InstanceCount", "DurationHours"):
            if not request.get(name):
                raise invalid(f"{name}: got nothing, but here every offering is made to measure. Give it.")
        start = max(request.get("StartTimeAfter", 0.0), self._context.now())
        end = start + request["DurationHours"] * _HOUR
        rows: list[dict[str, Any]] = []
        for letter in _ZONES if end <= request.get("EndTimeBefore", end) else "":
            identity = f"tpo-{secrets.token_hex(8)}"
            reserved = {
                "ReservedCapacityType": "Instance", "InstanceType": request["InstanceType"],
                "InstanceCount": request["InstanceCount"], "AvailabilityZone": f"{self._context.region}{letter}",
                "DurationHours": request["DurationHours"], "DurationMinutes": 0, "StartTime": start, "EndTime": end,
            }  # fmt: skip
            self._store.insert(_OFFERING, identity, reserved)
            rows.append({
                "TrainingPlanOfferingId": identity, "TargetResources": [_TARGET],
                "DurationHours": request["DurationHours"], "DurationMinutes": 0,
                "ReservedCapacityOfferings": [reserved],
            })  # fmt: skip
        return {"TrainingPlanOfferings": rows}

    @operation("CreateTrainingPlan")
    def create(self, request: Request, _: Caller) -> Answer:
        """Reserves what was offered."""
        refuse(request, _CREATING)
        name, offering = request["TrainingPlanName"], request["TrainingPlanOfferingId"]
        reserved = self._store.get(_OFFERING, offering)
        if reserved is None:
            raise ServiceError("ResourceNotFound", f"TrainingPlanOfferingId: got {offering!r}, but nobody offers it.")
        arn = self._context.arn(f"training-plan/{name}")
        plan = {
            **{key: reserved[key] for key in ("InstanceType", "AvailabilityZone", "DurationHours", "StartTime",
                                              "EndTime")},
            "TrainingPlanName": name, "TrainingPlanArn": arn, "TotalInstanceCount": reserved["InstanceCount"],
            "ReservedCapacityArn": self._context.arn(f"reserved-capacity/{offering}"), "Tags": request.get("Tags", []),
        }  # fmt: skip
        try:
            self._store.insert(PLAN, name, plan)
        except ServiceError as error:
            raise ServiceError("ResourceInUse", f"TrainingPlanName: got {name!r}, but a plan has that name.") from error
        self._store.delete(_OFFERING, offering)
        return {"TrainingPlanArn": arn}

    @operation("DescribeTrainingPlan")
    def describe(self, request: Request, _: Caller) -> Answer:
        """A plan, by name or ARN."""
        name = request["TrainingPlanName"].rpartition("/")[2]
        plan = self._store.get(PLAN, name)
        if plan is None:
            raise ServiceError("ResourceNotFound", f"Training plan {name!r} does not exist.")
        return self._shown(plan)

    @operation("ListTrainingPlans")
    def list_plans(self, request: Request, _: Caller) -> Answer:
        """Plans of a status, or all."""
        rows = [self._shown(plan) for plan in self._store.list(PLAN)]
        for wanted in request.get("Filters", []):
            rows = [row for row in rows if row[wanted["Name"]] == wanted["Value"]]
        after, before = request.get("StartTimeAfter", 0.0), request.get("StartTimeBefore", float("inf"))
        rows = [row for row in rows if after <= row["StartTime"] <= before]
        if "SortBy" in request:
            rows.sort(key=lambda row: row[_SORTED[request["SortBy"]]])
        if request.get("SortOrder") == "Descending":
            rows.reverse()
        return page(rows, request, "TrainingPlanSummaries", identity="TrainingPlanArn")

    def _shown(self, plan: Document) -> dict[str, Any]:
        state, used = status(plan, self._context.now()), in_use(self._store, plan["TrainingPlanArn"])
        times = {name: plan[name] for name in ("DurationHours", "StartTime", "EndTime")}
        reserved = {
            **times, "ReservedCapacityArn": plan["ReservedCapacityArn"], "ReservedCapacityType": "Instance",
            "InstanceType": plan["InstanceType"], "TotalInstanceCount": plan["TotalInstanceCount"], "Status": state,
            "AvailabilityZone": plan["AvailabilityZone"], "DurationMinutes": 0,
        }  # fmt: skip
        return {
            **times, "TrainingPlanArn": plan["TrainingPlanArn"], "TrainingPlanName": plan["TrainingPlanName"],
            "Status": state, "DurationMinutes": 0, "TotalInstanceCount": plan["TotalInstanceCount"],
            "AvailableInstanceCount": plan["TotalInstanceCount"] - used, "InUseInstanceCount": used,
            "TargetResources": [_TARGET], "ReservedCapacitySummaries": [reserved],
        }  # fmt: skip
