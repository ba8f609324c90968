"""Which endpoints serve a package, and what they did, from answers as AWS gives them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError

from tests.trainyard.report.scenes import PRICES, at
from trainyard.operations.connection import Connection
from trainyard.report.data import gather
from trainyard.report.serving import Endpoint, read

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/bytes-lm/1"
NOW = at(3600)
MODELS: dict[str, dict[str, Any]] = {
    "by-package": {"Containers": [{"ModelPackageName": PACKAGE}]},
    "by-archive": {"PrimaryContainer": {"ModelDataUrl": "s3://bucket/models/a/model.tar.gz"}},
    "many": {"Containers": [{"Mode": "MultiModel", "ModelDataUrl": "s3://bucket/models/"}]},
    "another": {"Containers": [{"ModelPackageName": PACKAGE.replace("/1", "/2")}]},
    "beside": {"Containers": [{"Mode": "MultiModel", "ModelDataUrl": "s3://bucket/model"}]},
}


class Client:
    """Answers of SageMaker, CloudWatch and Application Auto Scaling; endpoints bear their models' names."""

    variant: ClassVar[dict[str, Any]] = {
        "VariantName": "live",
        "InstanceType": "ml.c5.xlarge",
        "InitialInstanceCount": 1,
    }

    def get_paginator(self, operation: str) -> Client:
        self._operation = operation
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        if self._operation == "list_endpoints":
            yield {"Endpoints": [{"EndpointName": name} for name in MODELS]}
        elif self._operation == "describe_scaling_activities":
            resource, done = "endpoint/by-package/variant/live", "Setting desired instance count to"
            yield {"ScalingActivities": [
                {"ResourceId": resource, "StatusCode": "Successful", "Description": f"{done} 3.",
                 "StartTime": at(1790), "EndTime": at(1800)},
                {"ResourceId": resource, "StatusCode": "Failed", "Description": f"{done} 9.",
                 "StartTime": at(900)},
            ]}  # fmt: skip
        elif self._operation == "get_metric_data":
            values = {"p50": 5000.0, "p90": 9000.0, "p99": 21000.0, "requests": 40.0, "errors": 1.0}
            yield {"MetricDataResults": [
                {"Id": query["Id"], "Timestamps": [at(60)], "Values": [values[query["Id"].partition("_")[0]]]}
                for query in request["MetricDataQueries"]
            ]}  # fmt: skip

    def describe_model_package(self, **_: str) -> dict[str, Any]:
        return {"InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://bucket/models/a/model.tar.gz"}]}}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        return {"EndpointConfigName": EndpointName, "EndpointStatus": "InService", "CreationTime": at(0),
                "ProductionVariants": [{"VariantName": "live", "CurrentInstanceCount": 3}]}  # fmt: skip

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        return {"ProductionVariants": [{**self.variant, "ModelName": EndpointConfigName}]}

    def describe_model(self, ModelName: str) -> dict[str, Any]:
        return MODELS[ModelName]


def connected(client: Any) -> Connection:
    services = ("sagemaker", "cloudwatch", "application-autoscaling", "cloudformation", "logs", "s3")
    return Connection(None, dict.fromkeys(services, client))


def found() -> dict[str, Endpoint]:
    return {each.name: each for each in read(connected(Client()), [PACKAGE], PRICES, NOW)}


def test_endpoints_are_found_by_package_by_archive_and_by_the_prefix_of_many_models() -> None:
    """A prefix ends with its folder: s3://bucket/model holds nothing of s3://bucket/models."""
    assert set(found()) == {"by-package", "by-archive", "many"}


def test_latencies_are_milliseconds_and_errors_of_both_kinds_are_counted() -> None:
    endpoint = found()["by-package"]
    assert [series.values for series in endpoint.latency.values()] == [(5.0,), (9.0,), (21.0,)]
    assert endpoint.requests.values == (40.0,)
    assert endpoint.errors == 2


def test_instances_follow_what_scaling_did_and_are_billed_by_it() -> None:
    """One for half an hour, three for the other; what failed changed nothing."""
    endpoint = found()["by-package"]
    assert endpoint.instances["live"].values == (1, 3, 3)
    (item,) = endpoint.bill
    assert item.hours == pytest.approx(0.5 + 1.5)
    assert item.cost == pytest.approx(2 * 0.2)
    assert item.more == pytest.approx(3 * (at(0).replace(month=12, day=1, hour=0) - NOW) / timedelta(hours=1))


def test_a_serverless_endpoint_has_no_price_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "variant", {"VariantName": "live", "ServerlessConfig": {"MemorySizeInMB": 4096}})
    (item,) = found()["by-package"].bill
    assert item.cost is None
    assert item.projected is None


class Refusing:
    """A job of a role that may read nothing beside it."""

    meta = SimpleNamespace(region_name="us-east-1")

    def __init__(self) -> None:
        self.exceptions = self
        self.ClientError = ClientError
        self.ResourceNotFound = self.ResourceNotFoundException = type("ResourceNotFound", (ClientError,), {})

    def describe_training_job(self, **_: str) -> dict[str, Any]:
        return {"TrainingJobName": "job", "TrainingJobArn": "arn:aws:sagemaker:us-east-1:1:training-job/job",
                "TrainingJobStatus": "Completed", "CreationTime": at(0), "TrainingEndTime": at(60),
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                "BillableTimeInSeconds": 60}  # fmt: skip

    def __getattr__(self, operation: str) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

        return refuse


def test_what_may_not_be_read_is_said_and_the_rest_reported() -> None:
    report = gather(connected(Refusing()), ["arn:aws:sagemaker:us-east-1:1:training-job/job"])
    (chapter,) = report.chapters
    assert chapter.execution.status == "Succeeded"
    assert len(chapter.bill) == 1
    said = {gap.partition(" could not")[0] for gap in (*report.gaps, *chapter.gaps)}
    assert said == {"The log", "Alarms", "The run in MLflow", "Stacks", "What scales"}
