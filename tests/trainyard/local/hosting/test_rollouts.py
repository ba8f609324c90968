"""Updates under guardrails and under load, on a real cloud with real model servers."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud

from ..conftest import new_client, policy
from .conftest import LOGS, READ, Maker, hurried_cloud
from .plus import Load, archive

pytestmark = pytest.mark.slow
PERCENT, COUNT = "CAPACITY_PERCENT", "INSTANCE_COUNT"
WATCH = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with hurried_cloud(tmp_path_factory.mktemp("cloud")) as found:
        yield found


@pytest.fixture(scope="module")
def get(cloud: Cloud) -> Callable[[str], Any]:
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        return made.setdefault(service, new_client(cloud, service))

    return client


@pytest.fixture(scope="module")
def make(get: Callable[[str], Any]) -> Maker:
    trust = policy({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = get("iam").create_role(RoleName="serving", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    get("iam").put_role_policy(RoleName="serving", PolicyName="inline", PolicyDocument=policy(READ, LOGS, WATCH))
    get("s3").create_bucket(Bucket="models")
    # Whoever looks has time to see that the broken one is taken back, and load is the model's and not its clients'.
    archives = {"one": archive(1), "two": archive(2), "slow": archive(1, seconds=0.05)}
    archives["broken"] = archive(None, farewell=2.0)
    return Maker(get, archives, arn, "models")


@pytest.fixture(scope="module")
def served(make: Maker) -> str:
    """An endpoint of two instances; each test leaves it in service with the model that it finds."""
    return make.endpoint(make.config(make.model("one"), count=2))


def shifting(kind: str, wait: int = 0, *alarms: str, termination: int = 0, **sizes: Any) -> dict[str, Any]:
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": termination}
    }
    return config | _rollback(*alarms)


def _rollback(*alarms: str) -> dict[str, Any]:
    found = [{"AlarmName": name} for name in alarms]
    return {"AutoRollbackConfiguration": {"Alarms": found}} if found else {}


def alarm(get: Callable[[str], Any], endpoint: str, metric: str = "Invocation5XXErrors", period: int = 60) -> str:
    """An alarm that the first such thing trips, and that rings for a period."""
    name = f"{endpoint}-{metric}"
    get("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace="AWS/SageMaker", MetricName=metric, Statistic="Sum", Period=period,
        EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "variant-1"}],
    )  # fmt: skip
    return name


def _await_alarm(get: Callable[[str], Any], name: str) -> None:
    deadline = time.monotonic() + 60
    while get("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] != "ALARM":
        assert time.monotonic() < deadline, f"{name} does not ring"
        time.sleep(0.1)


def statuses(make: Maker, name: str) -> list[str]:
    """The statuses until the endpoint is in service again, each once."""
    seen: list[str] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = make.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
        if not seen or seen[-1] != status:
            seen.append(status)
        if status == "InService":
            return seen
        time.sleep(0.05)
    raise AssertionError(seen)


def test_a_broken_model_is_rolled_back_by_a_real_alarm_and_the_good_fleet_answers_everything(
    make: Maker, get: Callable[[str], Any], served: str
) -> None:
    before = make.sagemaker.describe_endpoint(EndpointName=served)["EndpointConfigName"]
    name = alarm(get, served)
    broken = make.config(make.model("broken"), count=2)
    canary = shifting("CANARY", 60, name, CanarySize={"Type": PERCENT, "Value": 50})
    with Load(get("sagemaker-runtime"), served, pause=0.02) as load:
        make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=broken, DeploymentConfig=canary)
        seen = statuses(make, served)
        answers = load.take()
        after = load.more(10)
    assert seen == ["Updating", "RollingBack", "InService"]
    found = make.sagemaker.describe_endpoint(EndpointName=served)
    assert found["EndpointConfigName"] == before
    assert "PendingDeploymentSummary" not in found
    assert f"Alarm list: [{name}]" in found["FailureReason"]
    assert found["LastDeploymentConfig"] == canary
    # Half of the requests met the canary, which broke; every other one was answered, and all afterwards.
    assert set(answers) == {2, "ModelError 500"}
    assert set(after) == {2}
    history = get("cloudwatch").describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    assert any("to ALARM" in item["HistorySummary"] for item in history)


def test_an_alarm_that_rings_already_lets_no_request_through(
    make: Maker, get: Callable[[str], Any], served: str
) -> None:
    name = alarm(get, served, "Invocations", 3600)
    _await_alarm(get, name)
    two = make.config(make.model("two"), count=1)
    with Load(get("sagemaker-runtime"), served, clients=1, pause=0.02) as load:
        make.sagemaker.update_endpoint(
            EndpointName=served, EndpointConfigName=two, DeploymentConfig=shifting("ALL_AT_ONCE", 0, name)
        )
        statuses(make, served)
    assert set(load.answers) == {2}
    assert name in make.sagemaker.describe_endpoint(EndpointName=served)["FailureReason"]


def test_a_canary_gets_its_share_then_everything_and_nothing_is_lost(
    make: Maker, get: Callable[[str], Any], served: str
) -> None:
    name = alarm(get, served, "Invocation4XXErrors")
    two = make.config(make.model("two"), count=3)
    canary = shifting("CANARY", 4, name, CanarySize={"Type": PERCENT, "Value": 25})
    with Load(get("sagemaker-runtime"), served) as load:
        make.sagemaker.update_endpoint(
            EndpointName=served, EndpointConfigName=two, DeploymentConfig=canary, RetainAllVariantProperties=True
        )
        baking = _while_the_canary_bakes(make, served, load)
        assert statuses(make, served) == ["Updating", "InService"]
        load.take()
        after = load.more(10)
    # Each request is drawn by itself: one of a million times they are further off than five standard deviations.
    assert baking[3] / baking.total() == pytest.approx(0.25, abs=5 * math.sqrt(0.25 * 0.75 / baking.total()))
    assert set(baking) == {2, 3}
    assert set(after) == {3}
    found = make.sagemaker.describe_endpoint(EndpointName=served)
    assert (found["EndpointConfigName"], found.get("FailureReason")) == (two, None)
    # The configuration says three; the update retained what there was.
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def _baking_since(make: Maker, name: str) -> Any:
    """Since when the share of requests is what it is; None while it changes."""
    found = make.sagemaker.describe_endpoint(EndpointName=name).get("PendingDeploymentSummary")
    rows = found["ProductionVariants"][0].get("VariantStatus", []) if found else []
    return next((row["StartTime"] for row in rows if row["Status"] == "Baking"), None)


def _while_the_canary_bakes(make: Maker, name: str, load: Load) -> Counter[int | str]:
    """A thousand answers, or as many as there are: before them and afterwards it was the same time to bake."""
    deadline = time.monotonic() + 60
    while (since := _baking_since(make, name)) is None:
        assert time.monotonic() < deadline, f"{name} never came to bake"
        time.sleep(0.05)
    load.take()
    found: Counter[int | str] = Counter()
    while found.total() < 1000:
        time.sleep(0.1)
        answers = load.take()
        if _baking_since(make, name) != since:
            break
        found += answers
    assert found, "it has baked for less than a look takes"
    return found


def test_a_rolling_update_keeps_the_capacity_and_loses_nothing(
    make: Maker, get: Callable[[str], Any], served: str
) -> None:
    slow = make.config(make.model("slow"), count=2)
    rolling = {
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": COUNT, "Value": 1}, "WaitIntervalInSeconds": 0},
    }
    with Load(get("sagemaker-runtime"), served, pause=0.02) as load:
        make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=slow, DeploymentConfig=rolling)
        least = 9
        while (found := make.sagemaker.describe_endpoint(EndpointName=served))["EndpointStatus"] == "Updating":
            coming = found.get("PendingDeploymentSummary", {"ProductionVariants": [{}]})["ProductionVariants"]
            rows = [*found["ProductionVariants"], *coming]
            least = min(least, sum(row.get("CurrentInstanceCount", 0) for row in rows))
    assert set(load.answers) == {3, 2}
    assert least >= 2
    assert found["EndpointConfigName"] == slow


def test_live_load_scales_an_endpoint_out_and_it_scales_in_without_losing_a_request(
    make: Maker, get: Callable[[str], Any], served: str
) -> None:
    scaling, resource = get("application-autoscaling"), f"endpoint/{served}/variant/variant-1"
    target = {"ServiceNamespace": "sagemaker", "ResourceId": resource,
              "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}  # fmt: skip
    scaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=3)
    metric = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    scaling.put_scaling_policy(
        **target, PolicyName="busy", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 0.5, "PredefinedMetricSpecification": metric},
    )  # fmt: skip
    with Load(get("sagemaker-runtime"), served, clients=6) as load:
        _await_count(make, served, 3)
        make.settled(served, "InService")
        with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
            make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=_on_another_type(make, served))
        scaling.deregister_scalable_target(**target)
        wanted = [{"VariantName": "variant-1", "DesiredInstanceCount": 1}]
        make.sagemaker.update_endpoint_weights_and_capacities(EndpointName=served, DesiredWeightsAndCapacities=wanted)
        assert make.settled(served)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert set(load.answers) == {2}
    rows = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=resource)["ScalingActivities"]
    assert rows[-1]["Description"] == "Setting desired instance count to 3."
    assert get("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"] == []


def _await_count(make: Maker, name: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (row,) = make.sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]
        if row["CurrentInstanceCount"] == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} never had {count} instances")


def _on_another_type(make: Maker, name: str) -> str:
    """The endpoint's configuration, but on instances of another type."""
    current = make.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    (row,) = make.sagemaker.describe_endpoint_config(EndpointConfigName=current)["ProductionVariants"]
    other = [{**row, "InstanceType": "ml.m5.xlarge"}]
    make.sagemaker.create_endpoint_config(EndpointConfigName=f"{current}-m5", ProductionVariants=other)
    return f"{current}-m5"


def test_updates_that_are_refused(make: Maker, served: str) -> None:
    config = make.sagemaker.describe_endpoint(EndpointName=served)["EndpointConfigName"]
    for changes, refusal in (
        ({"DeploymentConfig": shifting("ALL_AT_ONCE", 0, "nobody")}, "there is no such alarm"),
        ({"DeploymentConfig": shifting("CANARY", 0, CanarySize={"Type": PERCENT, "Value": 60})}, "1 to 50 %"),
        ({"ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}]}, "RetainAllVariantProp"),
    ):
        with pytest.raises(ClientError, match=refusal):
            make.sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=config, **changes)
