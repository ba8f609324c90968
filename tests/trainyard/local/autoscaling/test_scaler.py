"""The scaler over minutes of metrics: what it asks of SageMaker, when, and what it remembers."""

from __future__ import annotations

from .conftest import VARIANT, World


def activities(world: World) -> list[tuple[str, str]]:
    rows = world("DescribeScalingActivities", ServiceNamespace="sagemaker")["ScalingActivities"]
    return [(row["StatusCode"], row["Description"].removeprefix("Setting desired instance count to ")) for row in rows]


def test_three_minutes_above_the_target_scale_out_in_proportion(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.minutes(2, 250.0)
    assert world.sagemaker.count == 1
    world.minutes(1, 250.0)
    assert world.sagemaker.count == 3
    assert activities(world) == [("Successful", "3.")]


def test_a_quarter_of_an_hour_below_it_scales_in(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.sagemaker.count = 4
    world.minutes(14, 10.0)
    assert world.sagemaker.count == 4
    world.minutes(1, 10.0)
    assert world.sagemaker.count == 1


def test_no_data_are_no_reason_to_scale_in(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.sagemaker.count = 4
    world.minutes(20)
    assert world.sagemaker.count == 4


def test_limits_hold_at_once(world: World) -> None:
    world.register(2, 8)
    world.minutes(1)
    assert world.sagemaker.count == 2
    world.register(3, 8)
    world.minutes(1)
    assert world.sagemaker.count == 3


def test_nothing_is_asked_while_the_endpoint_changes(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.sagemaker.status = "Updating"
    world.minutes(5, 900.0, settles=False)
    assert world.sagemaker.count == 1
    assert activities(world) == []
    world.sagemaker.status = "InService"
    world.minutes(1, 900.0)
    assert world.sagemaker.count == 8


def test_a_refusal_is_an_activity_that_failed_and_is_tried_again(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.sagemaker.refusal = "Cannot update in-progress endpoint"
    world.minutes(3, 250.0)
    assert activities(world) == [("Failed", "3.")]
    world.sagemaker.refusal = ""
    world.minutes(1, 250.0)
    assert activities(world) == [("Successful", "3."), ("Failed", "3.")]


def test_an_activity_that_another_change_overrides_says_so(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.minutes(3, 250.0, settles=False)
    assert activities(world) == [("InProgress", "3.")]
    world.sagemaker.count, world.sagemaker.status = 5, "InService"
    world.minutes(1)
    assert activities(world) == [("Overridden", "3.")]


def test_what_was_seen_outlives_a_restart_of_the_cloud(world: World) -> None:
    world.register(1, 8)
    world.track(100.0)
    world.minutes(2, 250.0)
    world.restart()
    world.minutes(1, 250.0)
    assert world.sagemaker.count == 3
    world.restart()
    assert activities(world) == [("Successful", "3.")]


def test_a_scheduled_action_changes_the_target_itself(world: World) -> None:
    world.register(1, 8)
    action = {"Schedule": "rate(1 minute)", "ScalableTargetAction": {"MinCapacity": 4, "MaxCapacity": 6}}
    world("PutScheduledAction", **VARIANT, ScheduledActionName="now", **action)
    world.minutes(2)
    (found,) = world("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"], world.sagemaker.count) == (4, 6, 4)


def test_steps_follow_the_alarms_that_name_them(world: World) -> None:
    component = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "inference-component/c",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }
    world("RegisterScalableTarget", **component, MinCapacity=0, MaxCapacity=2)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    }
    policy = {"PolicyName": "wake", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
    arn = world("PutScalingPolicy", **component, **policy)["PolicyARN"]
    world.cloudwatch.put_alarm(
        {
            "AlarmName": "asked", "Namespace": "AWS/SageMaker", "MetricName": "NoCapacityInvocationFailures",
            "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "AlarmActions": [arn],
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Dimensions": [{"Name": "InferenceComponentName", "Value": "c"}],
        }
    )  # fmt: skip
    world.minutes(2)
    assert world.sagemaker.copies == 0
    world.cloudwatch.values["NoCapacityInvocationFailures", "c"] = 1.0
    world.minutes(1)
    assert world.sagemaker.copies == 1


def test_provisioned_concurrency_is_the_one_thing_that_scales_of_a_serverless_variant(world: World) -> None:
    world.sagemaker.provisioned = 2
    assert "only sagemaker:variant:DesiredProvisionedConcurrency scales" in world.refusal(
        "RegisterScalableTarget", **VARIANT, MinCapacity=1, MaxCapacity=2
    )
    target = {**VARIANT, "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}
    world("RegisterScalableTarget", **target, MinCapacity=1, MaxCapacity=10)
    metric = {"PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"}
    tracking = {"TargetValue": 0.5, "PredefinedMetricSpecification": metric}
    policy = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": tracking}
    world("PutScalingPolicy", **target, PolicyName="warm", **policy)
    world.cloudwatch.values["ServerlessProvisionedConcurrencyUtilization", "e|live"] = 1.0
    world.minutes(3)
    assert world.sagemaker.provisioned == 4


def test_an_asynchronous_variant_may_have_no_instance(world: World) -> None:
    world.sagemaker.asynchronous = True
    world.register(0, 2)
    world.sagemaker.count = 3
    world.minutes(1)
    assert world.sagemaker.count == 2
