"""Targets, policies, schedules and tags as documents: what is refused, found, changed and removed."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import INSTANCES, RESOURCE, VARIANT, World

STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
}
COPIES = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "inference-component/c",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}


def test_a_target_comes_changes_and_goes(world: World) -> None:
    arn = world.register(1, 4, Tags={"team": "a"})
    assert world.register(2, 8) == arn
    (found,) = world("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"], found["ScalableTargetARN"]) == (2, 8, arn)
    assert found["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    assert world("ListTagsForResource", ResourceARN=arn) == {"Tags": {"team": "a"}}
    world("TagResource", ResourceARN=arn, Tags={"stage": "b"})
    world("UntagResource", ResourceARN=arn, TagKeys=["team"])
    assert world("ListTagsForResource", ResourceARN=arn) == {"Tags": {"stage": "b"}}
    world("DeregisterScalableTarget", **VARIANT)
    assert world("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert "ObjectNotFoundException: No scalable target registered" in world.refusal(
        "DeregisterScalableTarget", **VARIANT
    )


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"MinCapacity": 5}, "MinCapacity: got 5 with MaxCapacity 4"),
        ({"MinCapacity": 0}, "MinCapacity: got 0, but endpoint/e/variant/live keeps at least 1"),
        ({"MinCapacity": None}, "MinCapacity: it is missing"),
        ({"ResourceId": "endpoint/x/variant/live"}, "Could not find endpoint"),
        ({"ResourceId": "endpoint/e/variant/x"}, "the endpoint's variants are live"),
        ({"ResourceId": "e"}, "wants endpoint/NAME/variant/NAME"),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, "no provisioned concurrency"),
        ({"ScalableDimension": "ecs:service:DesiredCount"}, "sagemaker has"),
        ({"ServiceNamespace": "ecs"}, "scales sagemaker only"),
        ({"MaxCapacity": "4"}, "must be an integer"),
        ({"ScalableDimension": "sagemaker:variants"}, "enum value set"),
    ],
)
def test_targets_that_are_refused(world: World, changes: dict[str, Any], refusal: str) -> None:
    request = {**VARIANT, "MinCapacity": 1, "MaxCapacity": 4, **changes}
    assert refusal in world.refusal("RegisterScalableTarget", **{k: v for k, v in request.items() if v is not None})


def test_burstable_instances_do_not_scale(world: World) -> None:
    world.sagemaker.instance_type = "ml.t2.medium"
    assert "burstable" in world.refusal("RegisterScalableTarget", **VARIANT, MinCapacity=1, MaxCapacity=2)


def test_target_tracking_makes_its_two_alarms_and_takes_them_along(world: World) -> None:
    world.register()
    made = world.track(100.0)
    high, low = (world.cloudwatch.alarms[row["AlarmName"]] for row in made["Alarms"])
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert [(one["Threshold"], one["ComparisonOperator"], one["EvaluationPeriods"]) for one in (high, low)] == [
        (100.0, "GreaterThanThreshold", 3),
        (90.0, "LessThanThreshold", 15),
    ]
    assert high["Dimensions"] == [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "live"}]
    assert high["AlarmActions"] == [made["PolicyARN"]]
    assert world.track(50.0) == made
    assert world.cloudwatch.alarms[high["AlarmName"]]["Threshold"] == 50.0
    (found,) = world("DescribeScalingPolicies", ServiceNamespace="sagemaker", ResourceId=RESOURCE)["ScalingPolicies"]
    assert (found["Alarms"], found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]) == (made["Alarms"], 50.0)
    world("DeleteScalingPolicy", **VARIANT, PolicyName="tracking")
    assert world.cloudwatch.alarms == {}


def test_alarms_that_a_kill_took_are_there_again_after_the_next_start(world: World) -> None:
    world.register()
    world.track()
    before = dict(world.cloudwatch.alarms)
    world.cloudwatch.alarms.clear()
    world.restart()
    world.service.start()
    assert world.cloudwatch.alarms == before


def test_a_target_takes_its_policies_alarms_and_schedules_along(world: World) -> None:
    world.register()
    world.track()
    action = {"Schedule": "cron(0 8 * * ? *)", "ScalableTargetAction": {"MinCapacity": 2}}
    world("PutScheduledAction", **VARIANT, ScheduledActionName="morning", **action)
    world("DeregisterScalableTarget", **VARIANT)
    assert world.cloudwatch.alarms == {}
    assert world("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert world("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"] == []


def test_the_alarms_of_a_step_policy_are_those_that_name_it(world: World) -> None:
    world.register()
    step = {"PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": STEPS}
    arn = world("PutScalingPolicy", **VARIANT, **step)["PolicyARN"]
    world.cloudwatch.put_alarm({"AlarmName": "mine", "AlarmActions": [arn]})
    world.cloudwatch.put_alarm({"AlarmName": "other", "AlarmActions": ["arn:aws:sns:::t"]})
    (found,) = world("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in found["Alarms"]] == ["mine"]
    world("DeleteScalingPolicy", **VARIANT, PolicyName="steps")
    assert "mine" in world.cloudwatch.alarms


def _tracking(**changes: Any) -> dict[str, Any]:
    return {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": changes}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        (_tracking(TargetValue=1.0), "exactly one of PredefinedMetricSpecification"),
        (
            _tracking(
                TargetValue=0.0,
                PredefinedMetricSpecification={"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            ),
            "positive",
        ),
        (
            _tracking(
                TargetValue=1.0,
                PredefinedMetricSpecification={"PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"},
            ),
            "is no metric of sagemaker:variant:DesiredInstanceCount",
        ),
        (
            _tracking(
                TargetValue=1.0, CustomizedMetricSpecification={"Metrics": [{"Id": "m1", "Expression": "m2 * 2"}]}
            ),
            "the embedded cloud does not run this",
        ),
        ({"PolicyType": "StepScaling"}, "StepScalingPolicyConfiguration is missing"),
        (_tracking(TargetValue=1.0) | {"PolicyType": "StepScaling"}, "does not belong to it"),
        (
            {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {**STEPS, "StepAdjustments": []}},
            "a policy without a step never scales",
        ),
        (
            {"PolicyType": "PredictiveScaling", "PredictiveScalingPolicyConfiguration": {"MetricSpecifications": []}},
            "Use TargetTrackingScaling or StepScaling",
        ),
    ],
)
def test_policies_that_are_refused(world: World, changes: dict[str, Any], refusal: str) -> None:
    world.register()
    assert refusal in world.refusal("PutScalingPolicy", **VARIANT, PolicyName="p", **changes)
    assert world.cloudwatch.alarms == {}


def test_nothing_is_put_on_a_target_that_is_not_registered(world: World) -> None:
    assert "ObjectNotFoundException" in world.refusal(
        "PutScalingPolicy", **VARIANT, PolicyName="p", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
    )
    assert "ObjectNotFoundException" in world.refusal(
        "PutScheduledAction", **VARIANT, ScheduledActionName="a", Schedule="rate(1 hour)",
        ScalableTargetAction={"MinCapacity": 1},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"Schedule": "every morning"}, "it must be at"),
        ({"Timezone": "Mars/Olympus"}, "no such time zone"),
        ({"ScalableTargetAction": {}}, "ScalableTargetAction"),
        ({"ScalableTargetAction": {"MinCapacity": 5, "MaxCapacity": 2}}, "M"),
    ],
)
def test_schedules_that_are_refused(world: World, changes: dict[str, Any], refusal: str) -> None:
    world.register()
    good = {"Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 2}}
    found = world.refusal("PutScheduledAction", **VARIANT, ScheduledActionName="a", **{**good, **changes})
    assert found.startswith("ValidationException")
    assert refusal in found


def test_copies_of_a_component_may_be_none(world: World) -> None:
    world("RegisterScalableTarget", **COPIES, MinCapacity=0, MaxCapacity=2)
    (found,) = world("DescribeScalableTargets", ServiceNamespace="sagemaker", ResourceIds=["inference-component/c"])[
        "ScalableTargets"
    ]
    assert (found["MinCapacity"], found["ScalableDimension"]) == (0, COPIES["ScalableDimension"])
    assert COPIES["ScalableDimension"] != INSTANCES
