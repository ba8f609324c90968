"""The alarms that take an update back."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib.encryption import let_alarms_use
from constructs_lib.serving.rollout import (
    Canary,
    GpuMemory,
    Percent,
    RollbackAlarms,
    ServerErrorRate,
    ServerErrors,
    SlowAnswers,
    Watch,
)


def alarm(scene: Any, watch: Watch, kind: str = "real-time", **hosted: Any) -> dict[str, Any]:
    """Properties of the one alarm that ``watch`` makes."""
    RollbackAlarms(watches=(watch,)).bind(scene.stack, (scene.hosted(kind, **hosted),))
    ((_, entry),) = scene.written().items()
    return entry["Properties"]


def dimensions(found: dict[str, Any]) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in found["Dimensions"]}


VARIANT = {"EndpointName": "shop", "VariantName": "live"}


def test_the_rate_of_errors_is_the_average_of_their_counts(scene: Any) -> None:
    found = alarm(scene, ServerErrorRate(percent=2))
    assert (found["Namespace"], found["MetricName"]) == ("AWS/SageMaker", "Invocation5XXErrors")
    assert (found["Statistic"], found["Threshold"]) == ("Average", 0.02)
    assert dimensions(found) == VARIANT
    assert (found["Period"], found["EvaluationPeriods"], found["DatapointsToAlarm"]) == (60, 3, 2)
    assert found["ComparisonOperator"] == "GreaterThanThreshold"
    assert found["TreatMissingData"] == "notBreaching"


def test_errors_are_also_counted(scene: Any) -> None:
    found = alarm(scene, ServerErrors(count=0, period_seconds=10, periods=1, of_these=1))
    assert (found["Statistic"], found["Threshold"], found["Period"]) == ("Sum", 0, 10)


def test_latency_is_in_microseconds(scene: Any) -> None:
    found = alarm(scene, SlowAnswers(p99_milliseconds=250))
    assert (found["ExtendedStatistic"], found["Threshold"]) == ("p99", 250_000)
    assert "Statistic" not in found
    assert found["EvaluateLowSampleCountPercentile"] == "ignore"


def test_memory_is_summed_over_the_gpus_of_an_instance(scene: Any) -> None:
    found = alarm(scene, GpuMemory(percent=90))
    assert (found["Namespace"], found["Threshold"]) == ("/aws/sagemaker/Endpoints", 4 * 90)
    assert dimensions(found) == VARIANT
    assert found["TreatMissingData"] == "missing"


def test_that_of_a_component_is_not(scene: Any) -> None:
    found = alarm(scene, GpuMemory(percent=90), "component")
    assert (found["MetricName"], found["Threshold"]) == ("GPUMemoryUtilizationNormalized", 90)
    assert dimensions(found) == {"InferenceComponentName": "llama"}


def test_memory_that_a_type_does_not_have_is_refused(scene: Any) -> None:
    with pytest.raises(ValueError, match="the type has no GPU"):
        alarm(scene, GpuMemory(percent=90), instance_type="ml.m5.large")
    scene.renew()


def test_an_update_names_every_alarm_of_every_variant(scene: Any) -> None:
    alarms = RollbackAlarms(watches=(ServerErrorRate(percent=1), SlowAnswers(p99_milliseconds=100)))
    hosted = (scene.hosted(variant="a"), scene.hosted(variant="b"))
    role = iam.Role(scene.stack, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    config = Canary(alarms=alarms, size=Percent(percent=10), bake_seconds=300).bind(scene.stack, hosted, role)
    named = scene.stack.resolve([entry.alarm_name for entry in config.auto_rollback_configuration.alarms])
    found = scene.written()
    assert [found[item["Ref"]]["Properties"]["AlarmName"] for item in named] == [
        "shop-a-5xx-rate", "shop-a-p99-latency", "shop-b-5xx-rate", "shop-b-p99-latency",
    ]  # fmt: skip
    (policy,) = (entry for entry in found.values() if entry["Type"] == "AWS::IAM::Policy")
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    assert "alarm:shop-b-p99-latency" in str(statement["Resource"])
    assert "*" not in str(statement["Resource"])


def test_a_topic_is_told_and_its_key_lets_alarms_use_it(scene: Any) -> None:
    key = kms.Key(scene.stack, "Key")
    let_alarms_use(key)
    topic = sns.Topic(scene.stack, "Topic", master_key=key)
    RollbackAlarms(watches=(ServerErrorRate(percent=1),), topic=topic).bind(scene.stack, (scene.hosted(),))
    found = scene.written()
    (raised,) = (entry for entry in found.values() if entry["Type"] == "AWS::CloudWatch::Alarm")
    assert found[raised["Properties"]["AlarmActions"][0]["Ref"]]["Type"] == "AWS::SNS::Topic"
    (policy,) = (e["Properties"]["KeyPolicy"] for e in found.values() if e["Type"] == "AWS::KMS::Key")
    assert {"Service": "cloudwatch.amazonaws.com"} in [statement["Principal"] for statement in policy["Statement"]]


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: RollbackAlarms(watches=()), "at least 1 items"),
        (lambda: RollbackAlarms(watches=(ServerErrors(count=1), ServerErrors(count=2))), "each thing is watched once"),
        (lambda: ServerErrors(count=1, periods=1, of_these=2), "it is at most periods, 1"),
        (lambda: ServerErrorRate(percent=100), "less than 100"),
        (lambda: ServerErrors(count=1, period_seconds=45), "period_seconds: got 45"),
    ],
)
def test_what_could_never_be_raised_is_refused(make: Any, refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        make()


def test_more_alarms_than_an_update_watches_are_refused(scene: Any) -> None:
    alarms = RollbackAlarms(watches=(ServerErrorRate(percent=1), SlowAnswers(p99_milliseconds=9), GpuMemory(percent=9)))
    with pytest.raises(ValueError, match="got 12, but 3 of each of 4"):
        alarms.names([scene.hosted(variant=name) for name in "abcd"])
