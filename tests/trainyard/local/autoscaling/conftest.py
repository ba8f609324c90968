"""Application Auto Scaling over a SageMaker and a CloudWatch that a test holds in its hands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError, invalid
from trainyard.local.api.service import Caller, Context, Service, operation
from trainyard.local.api.store import Store
from trainyard.local.autoscaling import build
from trainyard.local.faults import Faults

CALLER = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:root")
RESOURCE = "endpoint/e/variant/live"
INSTANCES = "sagemaker:variant:DesiredInstanceCount"
VARIANT = {"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE, "ScalableDimension": INSTANCES}


class SageMaker:
    """One endpoint with one variant, one component, and what was asked of them."""

    def __init__(self) -> None:
        self.count, self.copies, self.status, self.instance_type = 1, 0, "InService", "ml.c5.xlarge"
        self.refusal = ""
        self.provisioned: int | None = None
        self.asynchronous = False

    @operation("DescribeEndpoint")
    def endpoint(self, request: dict[str, Any], _: Caller) -> dict[str, Any]:
        if request["EndpointName"] != "e":
            raise invalid('Could not find endpoint "…".')
        row: dict[str, Any] = {"VariantName": "live", "DesiredInstanceCount": self.count}
        if self.provisioned is not None:
            config = {"MemorySizeInMB": 4096, "MaxConcurrency": 20, "ProvisionedConcurrency": self.provisioned}
            row = {"VariantName": "live", "CurrentServerlessConfig": config, "DesiredServerlessConfig": config}
        shown = {"EndpointStatus": self.status, "EndpointConfigName": "c", "ProductionVariants": [row]}
        output = {"OutputConfig": {"S3OutputPath": "s3://b/o"}}
        return {**shown, **({"AsyncInferenceConfig": output} if self.asynchronous else {})}

    @operation("DescribeEndpointConfig")
    def config(self, _request: dict[str, Any], _: Caller) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "live", "InstanceType": self.instance_type}]}

    @operation("UpdateEndpointWeightsAndCapacities")
    def scale(self, request: dict[str, Any], _: Caller) -> dict[str, Any]:
        if self.refusal:
            raise invalid(self.refusal)
        (wanted,) = request["DesiredWeightsAndCapacities"]
        if self.provisioned is not None:
            assert wanted["ServerlessUpdateConfig"]["MaxConcurrency"] == 20
            self.provisioned = wanted["ServerlessUpdateConfig"]["ProvisionedConcurrency"]
            return {}
        self.count = wanted["DesiredInstanceCount"]
        self.status = "Updating"
        return {}

    @operation("DescribeInferenceComponent")
    def component(self, _request: dict[str, Any], _: Caller) -> dict[str, Any]:
        return {"InferenceComponentStatus": "InService", "RuntimeConfig": {"DesiredCopyCount": self.copies}}

    @operation("UpdateInferenceComponentRuntimeConfig")
    def copy(self, request: dict[str, Any], _: Caller) -> dict[str, Any]:
        self.copies = request["DesiredRuntimeConfig"]["CopyCount"]
        return {}


class CloudWatch:
    """Alarms in a dictionary, metrics as a test sets them."""

    def __init__(self) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}
        self.values: dict[tuple[str, str], float] = {}

    def put_alarm(self, alarm: Mapping[str, Any]) -> None:
        self.alarms[alarm["AlarmName"]] = {**alarm, "AlarmArn": f"arn:aws:cloudwatch:::alarm:{alarm['AlarmName']}"}

    def delete_alarms(self, names: Sequence[str]) -> None:
        for name in names:
            self.alarms.pop(name, None)

    def alarms_with(self, action: str) -> list[dict[str, Any]]:
        return [alarm for alarm in self.alarms.values() if action in alarm["AlarmActions"]]

    def statistic(
        self, namespace: str, name: str, dimensions: Mapping[str, str], statistic: str, *, seconds: float
    ) -> float | None:
        assert seconds in (10.0, 60.0)
        return self.values.get((name, "|".join(sorted(dimensions.values()))))


class World:
    """The service under test and what stands around it."""

    def __init__(self, folder: Path) -> None:
        self.sagemaker, self.cloudwatch, self.now = SageMaker(), CloudWatch(), 1_000_000.0
        self.context = Context(
            store=Store(folder / "trainyard.db"), platform=None, state=folder, account=CALLER.account,
            region=CALLER.region, faults=Faults(),
        )  # fmt: skip
        self.restart()

    def restart(self) -> None:
        """The cloud comes up again: only the store is as it was."""
        self.service = build(self.context, Service("sagemaker", self.sagemaker), self.cloudwatch)
        self.scalers = self.service.families[-1]

    def __call__(self, name: str, **request: Any) -> dict[str, Any]:
        return dict(self.service.call(name, request, CALLER))

    def refusal(self, name: str, **request: Any) -> str:
        with pytest.raises(ServiceError) as raised:
            self(name, **request)
        return f"{raised.value.code}: {raised.value.message}"

    def minutes(self, count: int, value: float | None = None, *, settles: bool = True) -> None:
        """Lets minutes pass at so many invocations per instance."""
        key = "InvocationsPerInstance", "e|live"
        self.cloudwatch.values.pop(key, None)
        if value is not None:
            self.cloudwatch.values[key] = value
        for _ in range(count):
            self.now += 60
            self.scalers.look(self.now)
            if settles and self.sagemaker.status == "Updating":
                self.sagemaker.status = "InService"
                self.now += 1
                self.scalers.look(self.now)

    def register(self, low: int = 1, high: int = 4, **changes: Any) -> str:
        request = {**VARIANT, "MinCapacity": low, "MaxCapacity": high, **changes}
        return str(self("RegisterScalableTarget", **request)["ScalableTargetARN"])

    def track(self, target: float = 100.0, name: str = "tracking", **changes: Any) -> dict[str, Any]:
        metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        configuration = {"TargetValue": target, "PredefinedMetricSpecification": metric, **changes}
        return self(
            "PutScalingPolicy", **VARIANT, PolicyName=name, PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(tmp_path)
    yield found
    found.service.stop()
