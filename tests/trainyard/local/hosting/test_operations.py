"""Models, endpoint configurations and endpoints as documents: what is refused, found, listed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.faults import Faults
from trainyard.local.hosting import Hosting
from trainyard.local.model_data import PACKAGE

from .conftest import IMAGE

ROLE = "arn:aws:iam::123456789012:role/serving"
CALLER = Caller(account="123456789012", region="us-east-1", arn=ROLE)
CONTAINER = {"Image": IMAGE, "ModelDataUrl": "s3://models/model.tar.gz"}


class Nowhere:
    """A platform where one role and one bucket exist, and nothing else answers."""

    endpoint_url = "http://127.0.0.1:9"

    def exists(self, kind: str, name: str) -> bool:
        return (kind, name) in (("role", ROLE), ("bucket", "models"))

    def role_client(self, service: str, role: str, session: str) -> Any:
        raise ServiceError("ValidationException", "no clients here")

    client = role_client


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "envs" / "triton" / "bin").mkdir(parents=True)
    (tmp_path / "envs" / "triton" / "bin" / "python").touch()
    return Context(
        store=Store(tmp_path / "state" / "trainyard.db"),
        platform=Nowhere(),
        state=tmp_path / "state",
        account=CALLER.account,
        region=CALLER.region,
        faults=Faults(),
        environments=tmp_path / "envs",
    )


class Calls:
    """Calls operations by name."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(self, name: str, **request: Any) -> dict[str, Any]:
        return dict(self._service.call(name, request, CALLER))

    def refusal(self, name: str, **request: Any) -> str:
        with pytest.raises(ServiceError) as raised:
            self(name, **request)
        assert raised.value.code == "ValidationException"
        return raised.value.message


@pytest.fixture
def call(context: Context) -> Iterator[Calls]:
    service = Service("sagemaker", Hosting(context))
    yield Calls(service)
    service.stop()


def model(call: Calls, name: str = "m", **changes: Any) -> str:
    call("CreateModel", ModelName=name, **{"PrimaryContainer": CONTAINER, "ExecutionRoleArn": ROLE, **changes})
    return name


def variant(**changes: Any) -> dict[str, Any]:
    return {
        "VariantName": "live",
        "ModelName": "m",
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
        **changes,
    }


def test_a_model_is_described_as_created(call: Calls) -> None:
    arn = call("CreateModel", ModelName="m", PrimaryContainer=CONTAINER, ExecutionRoleArn=ROLE)["ModelArn"]
    described = call("DescribeModel", ModelName="m")
    assert (described["ModelArn"], described["PrimaryContainer"]) == (arn, CONTAINER)
    assert "Resolved" not in described
    assert [row["ModelArn"] for row in call("ListModels")["Models"]] == [arn]
    assert f'already existing model "{arn}"' in call.refusal(
        "CreateModel", ModelName="m", PrimaryContainer=CONTAINER, ExecutionRoleArn=ROLE
    )
    call("DeleteModel", ModelName="m")
    assert call.refusal("DescribeModel", ModelName="m") == f'Could not find model "{arn}".'
    assert call.refusal("DeleteModel", ModelName="m") == f'Could not find model "{arn}".'


def data_source(kind: str, compression: str) -> dict[str, Any]:
    source = {"S3Uri": "s3://models/a", "S3DataType": kind, "CompressionType": compression}
    return {"PrimaryContainer": {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"PrimaryContainer": {"ModelDataUrl": "s3://models/a"}}, "PrimaryContainer: it has no Image"),
        ({"PrimaryContainer": {"Image": IMAGE}}, "PrimaryContainer: it has no ModelDataUrl"),
        (data_source("S3Prefix", "None"), "a prefix ends with a slash"),
        (data_source("S3Object", "None"), "S3DataType S3Object with CompressionType None"),
        ({"PrimaryContainer": {"Image": IMAGE, "Mode": "MultiModel"}}, "PrimaryContainer: it has no ModelDataUrl"),
        ({"PrimaryContainer": {**CONTAINER, "Image": "someone/elses:1"}}, "PrimaryContainer.Image"),
        ({"PrimaryContainer": {**CONTAINER, "ModelDataUrl": "s3://nowhere/a"}}, "PrimaryContainer.ModelDataUrl"),
        ({"PrimaryContainer": {**CONTAINER, "ModelDataUrl": "https://models/a"}}, "PrimaryContainer.ModelDataUrl"),
        ({"PrimaryContainer": {**CONTAINER, "MultiModelConfig": {}}}, "PrimaryContainer.MultiModelConfig"),
        ({"PrimaryContainer": {"ModelPackageName": "nobody"}}, "PrimaryContainer.ModelPackageName"),
        ({"Containers": [CONTAINER]}, "PrimaryContainer and Containers"),
        ({"ExecutionRoleArn": ROLE + "s"}, "Could not assume role"),
        ({"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "VpcConfig.Subnets[0]"),
        ({"InferenceExecutionConfig": {"Mode": "Serial"}}, "InferenceExecutionConfig"),
        ({"ModelName": "two--words-"}, "modelName"),
    ],
)
def test_models_that_are_refused(call: Calls, changes: dict[str, Any], field: str) -> None:
    request = {"ModelName": "m", "PrimaryContainer": CONTAINER, "ExecutionRoleArn": ROLE, **changes}
    assert field.lower() in call.refusal("CreateModel", **request).lower()
    assert call("ListModels")["Models"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"Containers": [CONTAINER, {**CONTAINER, "Mode": "MultiModel"}]}, "Containers[1].Mode"),
        ({"Containers": [{**CONTAINER, "ContainerHostname": "a"}] * 2}, "Containers[].ContainerHostname"),
        (
            {"Containers": [CONTAINER, CONTAINER], "InferenceExecutionConfig": {"Mode": "Direct"}},
            "Containers[].ContainerHostname",
        ),
        ({"Containers": [CONTAINER], "InferenceExecutionConfig": {"Mode": "Direct"}}, "InferenceExecutionConfig"),
    ],
)
def test_rows_of_containers_that_are_refused(call: Calls, changes: dict[str, Any], field: str) -> None:
    assert field in call.refusal("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, **changes)


@pytest.mark.parametrize("count", [1, 2, 15])
def test_containers_of_a_model(call: Calls, count: int) -> None:
    call("CreateModel", ModelName="m", Containers=[CONTAINER] * count, ExecutionRoleArn=ROLE)
    assert len(call("DescribeModel", ModelName="m")["Containers"]) == count


@pytest.mark.parametrize("status", ["Completed", "Failed"])
def test_a_model_of_a_package(call: Calls, context: Context, status: str) -> None:
    arn = context.arn(f"{PACKAGE}/group/1")
    document = {
        "ModelPackageArn": arn,
        "ModelPackageStatus": status,
        "InferenceSpecification": {"Containers": [CONTAINER]},
    }
    context.store.insert(PACKAGE, arn, document)
    request = {"ModelName": "m", "PrimaryContainer": {"ModelPackageName": arn}, "ExecutionRoleArn": ROLE}
    if status == "Failed":
        assert "is Failed" in call.refusal("CreateModel", **request)
    else:
        call("CreateModel", **request)
        assert call("DescribeModel", ModelName="m")["PrimaryContainer"] == {"ModelPackageName": arn}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "a serverless variant has no instances"),
        ({"ModelName": "nobody"}, 'Could not find model "'),
        ({"InstanceType": None}, "InstanceType"),
        ({"InitialInstanceCount": None}, "InitialInstanceCount"),
        ({"InitialInstanceCount": 9}, "at most 8"),
        ({"ManagedInstanceScaling": {"Status": "ENABLED"}}, "ManagedInstanceScaling"),
        ({"InitialVariantWeight": 0.0}, "every InitialVariantWeight is 0"),
        ({"InstanceType": "ml.invented"}, "instanceType"),
    ],
)
def test_variants_that_are_refused(call: Calls, changes: dict[str, Any], field: str) -> None:
    model(call)
    wanted = {key: value for key, value in variant(**changes).items() if value is not None}
    refusal = call.refusal("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[wanted])
    assert field.lower() in refusal.lower()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ProductionVariants": [variant(), variant()]}, "'live' more than once"),
        ({"ShadowProductionVariants": [variant()]}, "ShadowProductionVariants[0].VariantName"),
        ({"ShadowProductionVariants": [variant(VariantName="a"), variant(VariantName="b")]}, "one shadow"),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, "AsyncInferenceConfig"),
        ({"KmsKeyId": "nobody"}, "KmsKeyId"),
        (
            {
                "DataCaptureConfig": {
                    "EnableCapture": True,
                    "InitialSamplingPercentage": 1,
                    "DestinationS3Uri": "s3://nowhere/captured",
                    "CaptureOptions": [{"CaptureMode": "Input"}],
                }
            },
            "DataCaptureConfig",
        ),
    ],
)
def test_configurations_that_are_refused(call: Calls, changes: dict[str, Any], field: str) -> None:
    model(call)
    request = {"EndpointConfigName": "c", "ProductionVariants": [variant()], **changes}
    assert field in call.refusal("CreateEndpointConfig", **request)


def test_a_configuration_comes_and_goes(call: Calls) -> None:
    model(call)
    arn = call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant()])["EndpointConfigArn"]
    described = call("DescribeEndpointConfig", EndpointConfigName="c")
    assert described["ProductionVariants"] == [variant(InitialVariantWeight=1.0)]
    call("DeleteEndpointConfig", EndpointConfigName="c")
    assert call("ListEndpointConfigs")["EndpointConfigs"] == []
    missing = f'Could not find endpoint configuration "{arn}".'
    assert call.refusal("DescribeEndpointConfig", EndpointConfigName="c") == missing
    assert call.refusal("CreateEndpoint", EndpointName="e", EndpointConfigName="c") == missing


@pytest.mark.parametrize("operation", ["DescribeEndpoint", "DeleteEndpoint", "UpdateEndpoint"])
def test_an_endpoint_that_is_not_there(call: Calls, operation: str) -> None:
    model(call)
    call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant()])
    request = {"EndpointName": "e"} | ({"EndpointConfigName": "c"} if operation == "UpdateEndpoint" else {})
    assert call.refusal(operation, **request).startswith('Could not find endpoint "')
