"""Inference components on a real cloud: copies that answer, none at all, and what scales them from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud

from ..conftest import new_client, policy
from .conftest import IMAGE, LOGS, READ, hurried_cloud
from .plus import Load, archive, ask

pytestmark = pytest.mark.slow
NEEDS = {"NumberOfCpuCoresRequired": 1.0, "MinMemoryRequiredInMb": 1024}
SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "inference-component/one",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}


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
def sagemaker(get: Callable[[str], Any]) -> Any:
    """SageMaker with two models and an endpoint `host` of at most two ml.m5.xlarge, and no instance at least."""
    trust = policy({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = get("iam").create_role(RoleName="serving", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    get("iam").put_role_policy(RoleName="serving", PolicyName="inline", PolicyDocument=policy(READ, LOGS))
    get("s3").create_bucket(Bucket="models")
    client = get("sagemaker")
    for name, number in (("one", 1), ("two", 2)):
        get("s3").put_object(Bucket="models", Key=f"{name}.tar.gz", Body=archive(number))
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://models/{name}.tar.gz"}
        client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=arn)
    managed = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    variant = {"VariantName": "live", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1,
               "ManagedInstanceScaling": managed}  # fmt: skip
    client.create_endpoint_config(EndpointConfigName="host", ExecutionRoleArn=arn, ProductionVariants=[variant])
    client.create_endpoint(EndpointName="host", EndpointConfigName="host")
    client.get_waiter("endpoint_in_service").wait(EndpointName="host", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    return client


def create(sagemaker: Any, name: str, copies: int = 1, model: str = "one", **changes: Any) -> None:
    sagemaker.create_inference_component(
        InferenceComponentName=name, EndpointName="host", VariantName="live",
        Specification={"ModelName": model, "ComputeResourceRequirements": {**NEEDS, **changes}},
        RuntimeConfig={"CopyCount": copies},
    )  # fmt: skip


def settled(sagemaker: Any, name: str = "one") -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = sagemaker.describe_inference_component(InferenceComponentName=name)
        if found["InferenceComponentStatus"] in ("InService", "Failed"):
            return dict(found)
        time.sleep(0.1)
    raise AssertionError(found)


def copies(sagemaker: Any, count: int) -> None:
    sagemaker.update_inference_component_runtime_config(
        InferenceComponentName="one", DesiredRuntimeConfig={"CopyCount": count}
    )
    found = settled(sagemaker)
    assert found["RuntimeConfig"] == {"DesiredCopyCount": count, "CurrentCopyCount": count}


def test_copies_answer_scale_and_change_their_model_under_load(sagemaker: Any, get: Callable[[str], Any]) -> None:
    runtime = get("sagemaker-runtime")
    create(sagemaker, "one")
    assert settled(sagemaker)["InferenceComponentStatus"] == "InService"
    with Load(runtime, "host", InferenceComponentName="one") as load:
        copies(sagemaker, 2)
        assert set(load.take()) == {2}
        sagemaker.update_inference_component(
            InferenceComponentName="one",
            Specification={"ModelName": "two", "ComputeResourceRequirements": NEEDS},
            RuntimeConfig={"CopyCount": 1},
        )
        assert settled(sagemaker)["Specification"]["ModelName"] == "two"
        assert set(load.take()) <= {2, 3}
    assert ask(runtime, "host", InferenceComponentName="one") == 3


def test_what_is_refused(sagemaker: Any, get: Callable[[str], Any]) -> None:
    runtime = get("sagemaker-runtime")
    for changes, refusal in (
        ({"NumberOfCpuCoresRequired": 5.0}, "ml.m5.xlarge has 4"),
        ({"NumberOfAcceleratorDevicesRequired": 1.0}, "ml.m5.xlarge has 0"),
        ({"MinMemoryRequiredInMb": 17000}, "ml.m5.xlarge has 16384"),
        ({"MaxMemoryRequiredInMb": 512}, "less than MinMemoryRequiredInMb"),
        ({"NumberOfCpuCoresRequired": 4.0, "copies": 2}, "for which 3 instances ml.m5.xlarge are needed"),
        ({"model": "nobody"}, "Could not find model"),
    ):
        with pytest.raises(ClientError, match=refusal):
            create(sagemaker, "other", **changes)
    with pytest.raises(ClientError, match="hosts the inference components one"):
        sagemaker.delete_endpoint(EndpointName="host")
    with pytest.raises(ClientError, match="Inference Component Name header is required"):
        ask(runtime, "host")
    with pytest.raises(ClientError, match="Inference Component other of endpoint host not found"):
        ask(runtime, "host", InferenceComponentName="other")


def test_none_is_a_number_of_copies_and_a_request_wakes_the_first(sagemaker: Any, get: Callable[[str], Any]) -> None:
    scaling, runtime = get("application-autoscaling"), get("sagemaker-runtime")
    copies(sagemaker, 0)
    (row,) = sagemaker.describe_endpoint(EndpointName="host")["ProductionVariants"]
    assert row["CurrentInstanceCount"] == 0
    scaling.register_scalable_target(**SCALED, MinCapacity=0, MaxCapacity=2)
    steps = {
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        "Cooldown": 60,
    }
    arn = scaling.put_scaling_policy(
        **SCALED, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
    )["PolicyARN"]
    get("cloudwatch").put_metric_alarm(
        AlarmName="asked", Namespace="AWS/SageMaker", MetricName="NoCapacityInvocationFailures", Statistic="Sum",
        Period=60, EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="missing", AlarmActions=[arn],
        Dimensions=[{"Name": "InferenceComponentName", "Value": "one"}],
    )  # fmt: skip
    with pytest.raises(ClientError, match="Inference Component has no capacity to process this request"):
        ask(runtime, "host", InferenceComponentName="one")
    deadline = time.monotonic() + 60
    answer = None
    while answer is None and time.monotonic() < deadline:
        try:
            answer = ask(runtime, "host", InferenceComponentName="one")
        except ClientError as error:
            assert "no capacity" in str(error)  # noqa: PT017 - no other error may come
            time.sleep(0.2)
    assert answer == 3
    (activity, *_) = scaling.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
    assert activity["Description"] == "Setting desired copy count to 1."
    assert "asked is in ALARM" in activity["Cause"]


def test_the_end_leaves_nothing(sagemaker: Any, cloud: Cloud) -> None:
    deadline = time.monotonic() + 60
    sagemaker.delete_inference_component(InferenceComponentName="one")
    while sagemaker.list_inference_components(EndpointNameEquals="host")["InferenceComponents"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    sagemaker.delete_endpoint(EndpointName="host")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="host", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
    assert not (cloud.state / "components" / "one").exists()
