"""Endpoints of every kind, as their template has them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import serving_scenes as scenes
from cdk_nag import AwsSolutionsChecks
from synthesis import actions

from stacks.acknowledgements import reason_for
from trainyard.local.api.shapes import violations

pytestmark = pytest.mark.slow  # about five seconds for all scenes, once
CREATED_BY = {
    "AWS::SageMaker::Model": ("CreateModel", "ModelName"),
    "AWS::SageMaker::EndpointConfig": ("CreateEndpointConfig", "EndpointConfigName"),
    "AWS::SageMaker::InferenceComponent": ("CreateInferenceComponent", "InferenceComponentName"),
}
RETENTION = {"ExcludeRetainedVariantProperties", "RetainAllVariantProperties"}
"""Of an endpoint, and DeploymentConfig of a component: CloudFormation sends them with updates."""
NOT_IN_CREATION = {"DeploymentConfig"}


def variants(scene: str) -> list[dict[str, Any]]:
    return scenes.part(scene, "AWS::SageMaker::EndpointConfig")["ProductionVariants"]


def opaque(value: Any) -> Any:
    """The properties with something that stands for any value in place of references."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
            return {"Get": "reference"}
        return {key: opaque(item) for key, item in value.items()}
    return [opaque(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", CREATED_BY)
def test_what_cloudformation_sends_is_a_request_that_sagemaker_takes(kind: str) -> None:
    operation, name = CREATED_BY[kind]
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model(operation).input_shape
    found = {key: entry for key, entry in scenes.template()["Resources"].items() if entry["Type"] == kind}
    assert len(found) > 2
    for key, entry in found.items():
        sent = {field: value for field, value in entry["Properties"].items() if field not in NOT_IN_CREATION}
        assert violations(shape, {name: "x", **opaque(sent)}, expressions=True) == [], key


def test_every_endpoint_is_a_request_that_sagemaker_takes() -> None:
    shape = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateEndpoint").input_shape
    for entry in scenes.template()["Resources"].values():
        if entry["Type"] == "AWS::SageMaker::Endpoint":
            sent = {name: value for name, value in entry["Properties"].items() if name not in RETENTION}
            assert violations(shape, opaque(sent), expressions=True) == []


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", "--", str(scenes.path())]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert [entry for entry in found if entry["Level"] == "Error"] == []


def test_cdk_nag_finds_nothing_but_objects_below_a_prefix() -> None:
    scenes.path()
    found = {
        violation.rule_name
        for violation in AwsSolutionsChecks().validate_scope(scenes.world().app).violations
        for resource in violation.violating_resources
        if not reason_for(violation.rule_name, resource.construct_path or "")
    }
    assert [name for name in found if not re.search(r"\[Resource::<\w+\.Arn>/[a-z/-]+/\*\]$", name)] == []


def test_without_its_condition_there_are_role_and_group_alone() -> None:
    kinds = {
        entry["Type"]: entry.get("Condition")
        for name, entry in scenes.template()["Resources"].items()
        if name.startswith("RegisteredEndpoint")
    }
    assert kinds == {
        "AWS::IAM::Role": None,
        "AWS::IAM::Policy": None,
        "AWS::EC2::SecurityGroup": None,
        "AWS::SageMaker::Model": "Given",
        "AWS::SageMaker::EndpointConfig": "Given",
        "AWS::SageMaker::Endpoint": "Given",
    }


@pytest.mark.parametrize("scene", ["Triton", "Queue", "Parts"])
def test_an_update_keeps_what_a_scaler_decided_and_takes_the_new_weights(scene: str) -> None:
    scaled = scenes.part(scene, "AWS::SageMaker::Endpoint")
    assert scaled["RetainAllVariantProperties"] is True
    assert scaled["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]


def test_an_update_sets_the_count_where_nothing_scales() -> None:
    assert "RetainAllVariantProperties" not in scenes.part("Split", "AWS::SageMaker::Endpoint")


def test_the_role_reads_the_alarms_that_take_an_update_back() -> None:
    (alarm,) = scenes.parts("Triton", "AWS::CloudWatch::Alarm").values()
    name = alarm["Properties"]["AlarmName"]
    (reading,) = (s for s in scenes.policy("TritonEndpointRole") if "cloudwatch:DescribeAlarms" in actions(s))
    assert json.dumps(reading["Resource"]).endswith(f':alarm:{name}"]]}}')


def test_volumes_name_the_key_where_no_type_has_disks_of_its_own() -> None:
    given = {
        scene: "KmsKeyId" in scenes.part(scene, "AWS::SageMaker::EndpointConfig")
        for scene in ("Split", "Many", "Pools")
    }
    assert given == {"Split": True, "Many": False, "Pools": False}


def test_serverless_has_no_instances_no_network_and_no_volume() -> None:
    config = scenes.part("Small", "AWS::SageMaker::EndpointConfig")
    assert set(config) == {"ProductionVariants"}
    assert set(variants("Small")[0]) == {"VariantName", "ModelName", "InitialVariantWeight", "ServerlessConfig"}
    assert "VpcConfig" not in scenes.part("Small", "AWS::SageMaker::Model")
    assert scenes.parts("Small", "AWS::EC2::SecurityGroup") == {}


def test_a_shadow_stands_beside_the_variants_with_its_share() -> None:
    config = scenes.part("Shadowed", "AWS::SageMaker::EndpointConfig")
    assert [(v["VariantName"], v["InitialVariantWeight"]) for v in config["ProductionVariants"]] == [("live", 1)]
    (shadow,) = config["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("challenger", 0.25)


def test_a_shadow_is_neither_scaled_nor_watched() -> None:
    assert [one.variant for one in scenes.world().endpoints["shadowed"].hosted] == ["live"]


@pytest.mark.parametrize(
    ("scene", "ami"),
    [
        ("Triton", "al2023-ami-sagemaker-inference-gpu-4-1"),  # CUDA 13 on an A10G
        ("Llama", "al2023-ami-sagemaker-inference-gpu-4-1"),  # CUDA 13 on an A100
        ("Engine", None),  # CUDA 12
        ("Split", None),  # CPU
    ],
)
def test_the_driver_is_new_enough_for_the_container(scene: str, ami: str | None) -> None:
    assert variants(scene)[0].get("InferenceAmiVersion") == ami


def test_weights_divide_the_traffic() -> None:
    assert [(v["VariantName"], v["InitialVariantWeight"]) for v in variants("Split")] == [("a", 9), ("b", 1)]


def test_utilization_is_published_as_finely_as_asked() -> None:
    assert scenes.part("Triton", "AWS::SageMaker::EndpointConfig")["MetricsConfig"] == {
        "MetricPublishFrequencyInSeconds": 10,
        "EnableEnhancedMetrics": True,
        "EnableDetailedObservability": False,
    }


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("triton", "real-time", 1),
        ("many", "multi-model", 1),
        ("queue", "asynchronous", 1),
        ("small", "serverless", None),
    ],
)
def test_what_is_hosted_says_how_it_serves(name: str, kind: str, count: int | None) -> None:
    (hosted,) = scenes.world().endpoints[name].hosted
    assert (hosted.kind, hosted.endpoint, hosted.instance_count) == (kind, name, count)


def test_containers_log_and_measure_under_the_endpoints_own_name() -> None:
    (logging,) = (s for s in scenes.policy("SplitEndpointRole") if "logs:PutLogEvents" in actions(s))
    assert '"log-group:/aws/sagemaker/Endpoints/split"' in json.dumps(logging).replace(":log-group", '"log-group')
