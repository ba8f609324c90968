"""What each rule puts into the template, and what it refuses to scale."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from constructs_lib.serving.scaling import (
    At,
    Backlog,
    ConcurrentRequests,
    Cron,
    GpuUtilization,
    InvocationsPerCopy,
    InvocationsPerInstance,
    ProvisionedConcurrencyUtilization,
    Rate,
    Rule,
    Scaling,
    Scheduled,
    Step,
    StepScaling,
    WakeFromZero,
)


def policy(scene: Any, rule: Rule, kind: str, **fields: Any) -> dict[str, Any]:
    """Target-tracking configuration of the one policy that ``rule`` makes."""
    entries = scene.bound(Scaling(minimum=1, maximum=4, rules=(rule,)), scene.hosted(kind, **fields))
    return entries[1]["Properties"]["TargetTrackingScalingPolicyConfiguration"]


@pytest.mark.parametrize(
    ("rule", "kind", "metric", "target"),
    [
        (InvocationsPerInstance(per_minute=70), "real-time", "SageMakerVariantInvocationsPerInstance", 70),
        (InvocationsPerInstance(per_minute=70), "multi-model", "SageMakerVariantInvocationsPerInstance", 70),
        (InvocationsPerCopy(per_minute=5), "component", "SageMakerInferenceComponentInvocationsPerCopy", 5),
        (ConcurrentRequests(at_once=4), "real-time",
         "SageMakerVariantConcurrentRequestsPerModelHighResolution", 4),
        (ConcurrentRequests(at_once=4), "component",
         "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution", 4),
        (ProvisionedConcurrencyUtilization(share=0.7), "serverless",
         "SageMakerVariantProvisionedConcurrencyUtilization", 0.7),
    ],
)  # fmt: skip
def test_a_predefined_metric_has_the_name_of_its_kind(
    scene: Any, rule: Rule, kind: str, metric: str, target: float
) -> None:
    found = policy(scene, rule, kind)
    assert found["PredefinedMetricSpecification"] == {"PredefinedMetricType": metric}
    assert found["TargetValue"] == target


def test_the_target_of_busy_gpus_counts_those_of_the_type(scene: Any) -> None:
    found = policy(scene, GpuUtilization(percent=60), "real-time")
    assert found["TargetValue"] == 4 * 60
    assert found["CustomizedMetricSpecification"] == {
        "MetricName": "GPUUtilization",
        "Namespace": "/aws/sagemaker/Endpoints",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": "shop"}, {"Name": "VariantName", "Value": "live"}],
    }


def test_that_of_a_component_is_normalised_already(scene: Any) -> None:
    found = policy(scene, GpuUtilization(percent=60), "component")
    assert found["TargetValue"] == 60
    assert found["CustomizedMetricSpecification"]["Namespace"] == "/aws/sagemaker/InferenceComponents"
    assert found["CustomizedMetricSpecification"]["Dimensions"] == [
        {"Name": "InferenceComponentName", "Value": "llama"}
    ]


def test_a_backlog_is_published_under_the_endpoint_alone(scene: Any) -> None:
    found = policy(scene, Backlog(per_instance=5), "asynchronous")["CustomizedMetricSpecification"]
    assert found["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert found["Dimensions"] == [{"Name": "EndpointName", "Value": "shop"}]


def test_cooldowns_and_scaling_in_reach_the_policy(scene: Any) -> None:
    rule = InvocationsPerInstance(
        per_minute=70, scale_in_cooldown_seconds=600, scale_out_cooldown_seconds=30, disable_scale_in=True
    )
    found = policy(scene, rule, "real-time")
    assert (found["ScaleInCooldown"], found["ScaleOutCooldown"], found["DisableScaleIn"]) == (600, 30, True)


@pytest.mark.parametrize(
    ("kind", "metric", "dimensions", "statistic", "periods"),
    [
        ("asynchronous", "HasBacklogWithoutCapacity", {"EndpointName": "shop"}, "Average", 2),
        ("component", "NoCapacityInvocationFailures", {"InferenceComponentName": "llama"}, "Sum", 1),
    ],
)
def test_what_wakes_from_zero_watches_what_is_published_at_zero(
    scene: Any, kind: str, metric: str, dimensions: dict[str, str], statistic: str, periods: int
) -> None:
    keep: Rule = Backlog(per_instance=5) if kind == "asynchronous" else InvocationsPerCopy(per_minute=5)
    entries = scene.bound(Scaling(minimum=0, maximum=2, rules=(keep, WakeFromZero())), scene.hosted(kind))
    target, _, step, alarm = (entry["Properties"] for entry in entries)
    assert target["MinCapacity"] == 0
    assert step["StepScalingPolicyConfiguration"]["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    ]
    assert alarm["MetricName"] == metric
    assert {item["Name"]: item["Value"] for item in alarm["Dimensions"]} == dimensions
    assert (alarm["Statistic"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (statistic, 1, periods)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "Ref" in alarm["AlarmActions"][0]


@pytest.mark.parametrize(
    ("kind", "resource", "dimension"),
    [
        ("real-time", "endpoint/shop/variant/live", "sagemaker:variant:DesiredInstanceCount"),
        ("component", "inference-component/llama", "sagemaker:inference-component:DesiredCopyCount"),
        ("serverless", "endpoint/shop/variant/live", "sagemaker:variant:DesiredProvisionedConcurrency"),
    ],
)
def test_what_is_scaled_is_named_as_the_service_does(scene: Any, kind: str, resource: str, dimension: str) -> None:
    rule = Scheduled(name="morning", times=Cron(hour="8"), minimum=2)
    (target,) = scene.bound(Scaling(minimum=1, maximum=4, rules=(rule,)), scene.hosted(kind))
    assert target["Properties"]["ResourceId"] == resource
    assert target["Properties"]["ScalableDimension"] == dimension
    assert target["DependsOn"]


def test_a_schedule_is_a_property_of_the_target(scene: Any) -> None:
    rules = (
        Scheduled(name="weekdays", times=Cron(hour="8", day="?", weekday="MON-FRI"), time_zone="Europe/Berlin",
                  minimum=2, maximum=8, start=datetime(2027, 1, 1, tzinfo=UTC)),
        Scheduled(name="launch", times=At(time=datetime(2027, 3, 1, 9)), minimum=3),
        Scheduled(name="hourly", times=Rate(every=1, unit="hour"), minimum=1),
    )  # fmt: skip
    (target,) = scene.bound(Scaling(minimum=1, maximum=4, rules=rules), scene.hosted())
    weekdays, launch, hourly = target["Properties"]["ScheduledActions"]
    assert weekdays == {
        "ScheduledActionName": "weekdays", "Schedule": "cron(0 8 ? * MON-FRI *)", "Timezone": "Europe/Berlin",
        "StartTime": "2027-01-01T00:00:00Z", "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 8},
    }  # fmt: skip
    assert launch["Schedule"] == "at(2027-03-01T09:00:00)"
    assert hourly["Schedule"] == "rate(1 hour)"
    assert "Timezone" not in hourly


def test_steps_have_a_policy_and_an_alarm_that_calls_it(scene: Any) -> None:
    rule = StepScaling(
        name="Burst", metric="ModelLatency", statistic="Maximum", threshold=2e6, when="above",
        steps=(Step(lower=0, upper=1e6, change=1), Step(lower=1e6, change=3)), cooldown_seconds=60,
    )  # fmt: skip
    entries = scene.bound(Scaling(minimum=1, maximum=8, rules=(rule,)), scene.hosted())
    _, policy, alarm = (entry["Properties"] for entry in entries)
    assert policy["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity", "Cooldown": 60, "MetricAggregationType": "Maximum",
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 1e6, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 1e6, "ScalingAdjustment": 3},
        ],
    }  # fmt: skip
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/SageMaker", "ModelLatency", 2e6)
    assert alarm["TreatMissingData"] == "ignore"


LATE = StepScaling(
    name="Late", metric="ApproximateAgeOfOldestRequest", statistic="Maximum", threshold=60, when="above",
    steps=(Step(lower=0, change=1),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "kind", "refusal"),
    [
        (InvocationsPerInstance(per_minute=1), "component", "Use InvocationsPerCopy"),
        (InvocationsPerInstance(per_minute=1), "asynchronous", "Use Backlog"),
        (InvocationsPerInstance(per_minute=1), "serverless", "Use ProvisionedConcurrencyUtilization"),
        (InvocationsPerCopy(per_minute=1), "real-time", "Use InvocationsPerInstance"),
        (ConcurrentRequests(at_once=1), "multi-model", "high-resolution metrics exist for"),
        (GpuUtilization(percent=50), "serverless", "it has no GPU"),
        (Backlog(per_instance=1), "real-time", "only an asynchronous endpoint has a queue"),
        (ProvisionedConcurrencyUtilization(share=0.5), "real-time", "only serverless variants"),
        (LATE, "real-time", "publishes no such metric"),
    ],
)
def test_a_rule_on_the_wrong_kind_says_which_is_right(scene: Any, rule: Rule, kind: str, refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        Scaling(minimum=1, maximum=2, rules=(rule,)).check(scene.hosted(kind))


@pytest.mark.parametrize("kind", ["ml.m5.large", "ml.trn1.2xlarge"])
def test_gpus_that_a_type_does_not_have_cannot_be_busy(scene: Any, kind: str) -> None:
    with pytest.raises(ValueError, match="the type has no GPU"):
        GpuUtilization(percent=50).check(scene.hosted(instance_type=kind))
