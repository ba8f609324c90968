"""Scalable targets with their policies: from a cloud assembly, or from the cloud through the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_contract.errors import reject
from trainyard.assembly.stacks import select
from trainyard.operations.connection import Connection, OperationError
from trainyard.scaling.scaler import Scaler, read_scaler

_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
_POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
_ALARM = "AWS::CloudWatch::Alarm"
_NAMESPACE = "sagemaker"


def of_assembly(assembly: Path, patterns: Sequence[str] = ("*",)) -> list[Scaler]:
    """Every SageMaker target of the stacks that match.

    Raises:
        ContractError: No assembly, no such stack, or a document that Application Auto Scaling would refuse.
    """
    return [scaler for stack in select(assembly, patterns) for scaler in of_template(stack.template)]


def of_template(template: Mapping[str, Any]) -> Iterator[Scaler]:
    """Every SageMaker target of one template. What CloudFormation fills in later is written as text."""
    resources = template.get("Resources", {})
    of_type: dict[str, dict[str, Any]] = {}
    for logical_id, resource in resources.items():
        of_type.setdefault(resource["Type"], {})[logical_id] = resource.get("Properties", {})
    alarms = of_type.get(_ALARM, {})
    for logical_id, raw in of_type.get(_TARGET, {}).items():
        target = _plain(raw)
        if target.get("ServiceNamespace") != _NAMESPACE:
            continue
        policies = []
        for policy_id, properties in of_type.get(_POLICY, {}).items():
            policy = _plain(properties)
            same = all(policy.get(key) == target[key] for key in ("ResourceId", "ScalableDimension"))
            if policy.get("ScalingTargetId") == logical_id or same:
                rung = [name for name, alarm in alarms.items() if policy_id in _plain(alarm.get("AlarmActions", []))]
                policies.append({**policy, "Alarms": [{"AlarmName": name} for name in rung]})
        # By logical id: names may be left to CloudFormation.
        documents = [{**_plain(alarm), "AlarmName": name} for name, alarm in alarms.items()]
        yield read_scaler(target, policies, (), [each for each in documents if "Threshold" in each])


def of_endpoint(connection: Connection, endpoint: str) -> list[Scaler]:
    """What scales of one endpoint: variants, and inference components on it.

    Raises:
        OperationError: Nothing does.
    """
    hosted = {endpoint, *_components(connection, endpoint)}
    found = [each for each in of_cloud(connection) if each.resource.split("/")[1] in hosted]
    if not found:
        raise OperationError(f"nothing of {endpoint} scales. Give a variant `scaling` in its environment")
    return found


def of_cloud(connection: Connection) -> list[Scaler]:
    """Every SageMaker target of the account and region."""
    client = connection.client("application-autoscaling")

    def all_of(operation: str, key: str, **more: str) -> list[dict[str, Any]]:
        pages = client.get_paginator(operation).paginate(ServiceNamespace=_NAMESPACE, **more)
        return [found for page in pages for found in page[key]]

    targets = all_of("describe_scalable_targets", "ScalableTargets")
    policies = all_of("describe_scaling_policies", "ScalingPolicies")
    scheduled = all_of("describe_scheduled_actions", "ScheduledActions")
    alarms = _alarms(connection, policies)
    return [read_scaler(target, _of(target, policies), _of(target, scheduled), alarms) for target in targets]


def one(scalers: Sequence[Scaler], resource: str | None) -> Scaler:
    """The one that is meant.

    Raises:
        ContractError: None, or several without a choice.
    """
    if not scalers:
        reject("stacks", [], "nothing in them scales", "Give a variant `scaling` in its environment.")
    chosen = [each for each in scalers if resource is None or resource in each.resource]
    if len(chosen) != 1:
        known = ", ".join(each.resource for each in scalers)
        rule = "it must mean exactly one scalable target"
        reject("--target", resource, rule, f"They are {known}: name a part of one.")
    return chosen[0]


def activities(connection: Connection, endpoint: str | None = None) -> list[dict[str, Any]]:
    """What Application Auto Scaling has done, newest first."""
    pages = connection.client("application-autoscaling").get_paginator("describe_scaling_activities")
    found = [each for page in pages.paginate(ServiceNamespace=_NAMESPACE) for each in page["ScalingActivities"]]
    return [each for each in found if endpoint is None or each["ResourceId"].split("/")[1] == endpoint]


def _components(connection: Connection, endpoint: str) -> list[str]:
    pages = connection.client("sagemaker").get_paginator("list_inference_components")
    found = pages.paginate(EndpointNameEquals=endpoint)
    return [str(each["InferenceComponentName"]) for page in found for each in page["InferenceComponents"]]


def _alarms(connection: Connection, policies: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = [
        alarm["AlarmName"]
        for policy in policies
        if policy["PolicyType"] == "StepScaling"
        for alarm in policy.get("Alarms", ())
    ]
    if not names:
        return []
    pages = connection.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=names)
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def _of(target: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    keys = ("ResourceId", "ScalableDimension")
    return [each for each in documents if all(each.get(key) == target[key] for key in keys)]


def _plain(value: Any) -> Any:
    """Without intrinsic functions: a reference is its logical id, a join its text."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name == "Ref":
            return inner
        if name == "Fn::GetAtt":
            return ".".join(inner) if isinstance(inner, list) else inner
        if name == "Fn::Join":
            return str(inner[0]).join(str(_plain(each)) for each in inner[1])
        if name == "Fn::Sub":
            return inner if isinstance(inner, str) else inner[0]
    return {key: _plain(each) for key, each in value.items()}
