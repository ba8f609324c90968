"""Documents as Application Auto Scaling's Describe* calls give them."""

from __future__ import annotations

from typing import Any

RESOURCE = "endpoint/bytes/variant/AllTraffic"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


def target(low: int = 1, high: int = 10, **more: Any) -> dict[str, Any]:
    """A scalable target."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": RESOURCE,
        "ScalableDimension": DIMENSION,
        "MinCapacity": low,
        "MaxCapacity": high,
        **more,
    }


def tracking(name: str = "Invocations", value: float = 100, **more: Any) -> dict[str, Any]:
    """A target tracking policy on invocations per instance."""
    metric = {"PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}
    configuration = {"TargetValue": value, **metric, **more}
    return {
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }


def steps(
    name: str, *adjustments: tuple[float | None, float | None, int], alarm: str = "High", **more: Any
) -> dict[str, Any]:
    """A step scaling policy of one alarm; each adjustment is (lower, upper, by)."""
    documents = []
    for lower, upper, by in adjustments:
        bounds = {"MetricIntervalLowerBound": lower, "MetricIntervalUpperBound": upper}
        documents.append({key: value for key, value in bounds.items() if value is not None} | {"ScalingAdjustment": by})
    configuration = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": documents, **more}
    return {
        "PolicyName": name,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": configuration,
        "Alarms": [{"AlarmName": alarm, "AlarmARN": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{alarm}"}],
    }


def alarm(name: str = "High", threshold: float = 10, **more: Any) -> dict[str, Any]:
    """A metric alarm of one datapoint."""
    return {
        "AlarmName": name,
        "Namespace": "AWS/SageMaker",
        "MetricName": "Backlog",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        **more,
    }


def action(schedule: str, low: int | None = None, high: int | None = None, **more: Any) -> dict[str, Any]:
    """A scheduled action."""
    limits = {key: value for key, value in (("MinCapacity", low), ("MaxCapacity", high)) if value is not None}
    return {"ScheduledActionName": "Morning", "Schedule": schedule, "ScalableTargetAction": limits, **more}
