"""Readers of Application Auto Scaling's targets and policies."""

from datetime import UTC
from typing import Any

from trainyard.local.readback.readers.base import Deployed, Reader, tags


def _scaled(deployed: Deployed) -> dict[str, str]:
    resource, dimension, namespace = deployed.physical_id.split("|")
    return {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _target(deployed: Deployed) -> dict[str, Any]:
    names = _scaled(deployed)
    where = {key: value for key, value in names.items() if key != "ResourceId"}
    found = deployed.call(
        "application-autoscaling", "describe_scalable_targets", ResourceIds=[names["ResourceId"]], **where
    )["ScalableTargets"][0]
    actions = deployed.call("application-autoscaling", "describe_scheduled_actions", **names)["ScheduledActions"]
    labels = deployed.call(
        "application-autoscaling", "list_tags_for_resource", ResourceARN=found["ScalableTargetARN"]
    )["Tags"]  # fmt: skip
    fields = ("EndTime", "ScalableTargetAction", "Schedule", "ScheduledActionName", "StartTime", "Timezone")
    made = {**names, **{key: found[key] for key in ("MinCapacity", "MaxCapacity", "RoleARN")}}
    if any(found["SuspendedState"].values()):
        made["SuspendedState"] = found["SuspendedState"]
    if actions:
        made["ScheduledActions"] = [{key: _moment(row[key]) for key in fields if key in row} for row in actions]
    return {**made, "Tags": tags(labels)}


def _moment(value: Any) -> Any:
    """A time as templates write it."""
    if not hasattr(value, "astimezone"):
        return value
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _policy(deployed: Deployed) -> dict[str, Any]:
    given = deployed.properties
    if "ScalingTargetId" in given:
        resource, dimension, namespace = str(given["ScalingTargetId"]).split("|")
        where = {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}
    else:
        where = {name: given[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")}
    found = next(
        row
        for row in deployed.call("application-autoscaling", "describe_scaling_policies", **where)["ScalingPolicies"]
        if row["PolicyARN"] == deployed.physical_id
    )
    names = ("PolicyName", "PolicyType", "StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration")
    made = {name: found[name] for name in names if name in found}
    return {**made, "ScalingTargetId": given["ScalingTargetId"]} if "ScalingTargetId" in given else {**made, **where}


READERS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": Reader(read=_target, chosen=frozenset({"RoleARN"})),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Reader(read=_policy),
}
