"""Scaling policies: PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy, and the alarms that AWS makes."""

from __future__ import annotations

import time
import uuid
from typing import Any

from ml_contract.errors import ContractError
from trainyard.local.api.errors import ServiceError, invalid, unsupported
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.autoscaling.cloudwatch import CloudWatch
from trainyard.local.autoscaling.resources import CONCURRENCY, COPIES, INSTANCES, Resource, parse
from trainyard.local.autoscaling.targets import POLICY, Targets, matches
from trainyard.scaling.metrics import IN_SHARE, tracked
from trainyard.scaling.steps import read_steps
from trainyard.scaling.tracking import read_tracking

TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"
_CONFIGURATION = {TRACKING: f"{TRACKING}PolicyConfiguration", STEPS: f"{STEPS}PolicyConfiguration"}
# Which dimension a predefined metric is one of: "Define a scaling policy" (SageMaker developer guide), read 2026-11.
_PREFIXES = {
    INSTANCES: ("SageMakerVariantInvocations", "SageMakerVariantConcurrent"),
    CONCURRENCY: ("SageMakerVariantProvisioned",),
    COPIES: ("SageMakerInferenceComponent",),
}


class Policies:
    """The family of scaling policies."""

    def __init__(self, context: Context, targets: Targets, cloudwatch: CloudWatch) -> None:
        """Composes the operations."""
        self._context, self._store, self._targets, self._cloudwatch = context, context.store, targets, cloudwatch

    def start(self) -> None:
        """Makes the alarms anew that a kill took: policies last from the moment they are put, alarms a little later."""
        for policy in self._store.list(POLICY):
            if policy["PolicyType"] == TRACKING:
                self._track(parse(policy), policy)

    @operation("PutScalingPolicy")
    def put(self, request: Request, _: Caller) -> Answer:
        """Adds a policy, or replaces the configuration of the one that there is."""
        resource = parse(request)
        self._targets.registered(resource)
        name = request["PolicyName"]
        key = f"{resource.key}|{name}"
        known = self._store.get(POLICY, key)
        kind = request.get("PolicyType") or (known or {}).get("PolicyType") or STEPS
        self._check(request, resource, name, kind, known)
        document = {
            "PolicyARN": self._targets.arn("scalingPolicy", resource, f"policyName/{name}"),
            "PolicyName": name,
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource.id,
            "ScalableDimension": resource.dimension,
            "PolicyType": kind,
            "CreationTime": time.time(),
            **(known or {}),
            _CONFIGURATION[kind]: request[_CONFIGURATION[kind]],
        }
        if kind == TRACKING:
            document["Alarms"] = self._track(resource, document)
        if known is None:
            self._store.insert(POLICY, key, document)
        else:
            self._store.update(POLICY, key, **document)
        return {"PolicyARN": document["PolicyARN"], "Alarms": self._shown(document)["Alarms"]}

    @operation("DescribeScalingPolicies")
    def describe(self, request: Request, _: Caller) -> Answer:
        """Policies, those of one resource, dimension, or name."""
        names = request.get("PolicyNames")
        rows = [
            self._shown(row)
            for row in self._store.list(POLICY)
            if matches(row, request) and (names is None or row["PolicyName"] in names)
        ]
        return page(rows, request, "ScalingPolicies", identity="PolicyARN", default=10)

    @operation("DeleteScalingPolicy")
    def delete(self, request: Request, _: Caller) -> Answer:
        """Removes a policy; the alarms of target tracking go with it, those of step scaling are the user's."""
        resource = parse(request)
        key = f"{resource.key}|{request['PolicyName']}"
        document = self._store.get(POLICY, key)
        if document is None:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scaling policy found for service namespace: sagemaker, resource ID: {resource.id}, scalable "
                f"dimension: {resource.dimension}, policy name: {request['PolicyName']}",
            )
        self._cloudwatch.delete_alarms([alarm["AlarmName"] for alarm in document.get("Alarms", [])])
        self._store.delete(POLICY, key)
        return {}

    @operation("DeregisterScalableTarget")
    def deregister(self, request: Request, caller: Caller) -> Answer:
        """Removes a target with its policies, their alarms, and its scheduled actions."""
        resource = parse(request)
        self._targets.registered(resource)
        for policy in self._targets.of(POLICY, resource):
            self.delete({**request, "PolicyName": policy["PolicyName"]}, caller)
        self._targets.remove(resource)
        return {}

    def _check(self, request: Request, resource: Resource, name: str, kind: str, known: Document | None) -> None:
        if kind not in _CONFIGURATION:
            raise unsupported("PolicyType", kind, f"Use {TRACKING} or {STEPS}.")
        if known and known["PolicyType"] != kind:
            raise invalid(f"PolicyType: the policy {name} is {known['PolicyType']}. Delete it first.")
        for other, field in _CONFIGURATION.items():
            if (field in request) != (other == kind):
                verb = "is missing" if other == kind else "does not belong to it"
                raise invalid(f"{field}: PolicyType is {kind}, and {field} {verb}.")
        configuration = request[_CONFIGURATION[kind]]
        try:
            if kind == TRACKING:
                read_tracking(name, configuration)
            else:
                read_steps(name, configuration, ())
        except ContractError as error:
            raise invalid(str(error)) from error
        metric = configuration.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
        if metric and not metric.startswith(_PREFIXES[resource.dimension]):
            raise invalid(f"PredefinedMetricType: got {metric!r}, but it is no metric of {resource.dimension}.")
        if configuration.get("CustomizedMetricSpecification", {}).get("Metrics"):
            field = f"{_CONFIGURATION[TRACKING]}.CustomizedMetricSpecification.Metrics"
            raise unsupported(field, [], "Name one metric: MetricName, Namespace, Dimensions, Statistic.")
        if resource.dimension == CONCURRENCY and kind == STEPS:
            raise invalid("PolicyType: provisioned concurrency scales by target tracking or a schedule.")

    def _track(self, resource: Resource, document: Document) -> list[dict[str, str]]:
        """Makes the two alarms of a target tracking policy, under the names that they keep."""
        configuration = document[_CONFIGURATION[TRACKING]]
        signal, watch = tracked(document["PolicyName"], configuration)
        dimensions = dict(signal.dimensions) or resource.metric_dimensions
        target = configuration["TargetValue"]
        known = [alarm["AlarmName"] for alarm in document.get("Alarms", [])]
        sides = (
            ("High", "GreaterThanThreshold", target, watch.out_of),
            ("Low", "LessThanThreshold", target * IN_SHARE, watch.in_of),
        )
        rows = []
        for index, (side, comparison, threshold, periods) in enumerate(sides):
            name = known[index] if known else f"TargetTracking-{resource.id}-Alarm{side}-{uuid.uuid4()}"
            alarm: dict[str, Any] = {
                "AlarmName": name,
                "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {document['PolicyARN']}.",
                "Namespace": signal.namespace,
                "MetricName": signal.name,
                "Statistic": signal.statistic,
                "Dimensions": [{"Name": key, "Value": value} for key, value in sorted(dimensions.items())],
                "Period": signal.period,
                "EvaluationPeriods": periods,
                "Threshold": threshold,
                "ComparisonOperator": comparison,
                "AlarmActions": [document["PolicyARN"]],
            }
            unit = configuration.get("CustomizedMetricSpecification", {}).get("Unit")
            self._cloudwatch.put_alarm({**alarm, "Unit": unit} if unit else alarm)
            region, account = self._context.region, self._context.account
            rows.append({"AlarmName": name, "AlarmARN": f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"})
        return rows

    def _shown(self, document: Document) -> Document:
        """A policy with its alarms: those made for it, or those that somebody gave it as their action."""
        if document["PolicyType"] == TRACKING:
            return document
        found = self._cloudwatch.alarms_with(document["PolicyARN"])
        alarms = [{"AlarmName": alarm["AlarmName"], "AlarmARN": alarm["AlarmArn"]} for alarm in found]
        return {**document, "Alarms": alarms}
