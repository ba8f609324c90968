"""What endpoints bill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainyard.cost.scenes import MONTH, estimated, lines
from trainyard.cost.lines import Kind, Range


def endpoint(variant: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An endpoint, its configuration, and what else there is."""
    return {
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, "EndpointName": "e"},
        },
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {"ProductionVariants": [{"VariantName": "live"} | variant]},
        },
    } | more


def test_an_endpoint_bills_for_what_its_configuration_hires(tmp_path: Path) -> None:
    found = estimated(tmp_path, endpoint({"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 3}))
    first, second = lines(found, "Endpoint")
    assert (first.kind, first.monthly) == (Kind.FIXED, Range.of(3 * MONTH))
    assert (second.kind, second.monthly, second.assumed) == (Kind.USE, Range.of(0.2), ("inference_gb_per_month=10",))
    assert lines(found, "Config") == []


@pytest.mark.parametrize("resource_id", [
    "endpoint/e/variant/live",
    {"Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Endpoint", "EndpointName"]}, "/variant/live"]]},
])  # fmt: skip
def test_a_scaled_variant_is_a_range(tmp_path: Path, resource_id: object) -> None:
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"ResourceId": resource_id, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                       "MinCapacity": 0, "MaxCapacity": 4},
    }  # fmt: skip
    variant = {"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    first, *_ = lines(estimated(tmp_path, endpoint(variant, Target=target)), "Endpoint")
    assert first.monthly == Range(low=0, high=4 * MONTH)


def test_names_that_only_a_parameter_tells_still_meet(tmp_path: Path) -> None:
    """Endpoint, configuration and target named alike by a parameter without a default, as people write it."""
    name = {"Ref": "Name"}
    resource_id = {"Fn::Join": ["", ["endpoint/", {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, "/variant/live"]]}
    target = {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"ResourceId": resource_id, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                       "MinCapacity": 1, "MaxCapacity": 2},
    }  # fmt: skip
    resources = endpoint({"InstanceType": "ml.g5.xlarge"}, Target=target)
    resources["Endpoint"]["Properties"]["EndpointName"] = name
    resources["Config"]["Properties"]["EndpointConfigName"] = name
    first, *_ = lines(estimated(tmp_path, resources, Parameters={"Name": {"Type": "String"}}), "Endpoint")
    assert first.monthly == Range(low=MONTH, high=2 * MONTH)


def test_managed_scaling_is_a_range(tmp_path: Path) -> None:
    scaling = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
    variant = {"InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1, "ManagedInstanceScaling": scaling}
    first, *_ = lines(estimated(tmp_path, endpoint(variant)), "Endpoint")
    assert first.monthly == Range(low=0, high=2 * MONTH)


def test_a_serverless_variant_bills_by_memory_and_time(tmp_path: Path) -> None:
    variant = {"ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 5}}
    (line,) = lines(estimated(tmp_path, endpoint(variant), assume={"serverless_requests_per_month": 1000,
                                                                  "serverless_seconds": 2}), "Endpoint")  # fmt: skip
    assert line.monthly == Range.of(1000 * 2 * 4 * 0.00002)
    assert line.assumed == ("serverless_requests_per_month=1000", "serverless_seconds=2")


def test_an_endpoint_whose_configuration_is_elsewhere_is_unknown(tmp_path: Path) -> None:
    resources = {"Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "of-another"}}}
    (line,) = lines(estimated(tmp_path, resources), "Endpoint")
    assert line.kind is Kind.UNKNOWN
    assert "of-another" in line.how
