"""Templates that break a rule are named with the rule; a rule that cannot be read is an error and no silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.guardrails.guard.program import Guard

NETWORK = {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}
VARIANT = {"InstanceType": "ml.c5.xlarge", "ModelName": "m"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


def _broken(guard: Guard, folder: Path, kind: str, properties: dict[str, Any]) -> set[str]:
    template = folder / "t.template.json"
    template.write_text(json.dumps({"Resources": {"Thing": {"Type": kind, "Properties": properties}}}))
    return {each.rule for each in guard.breaches(template)}


@pytest.mark.parametrize(
    ("kind", "properties", "change", "rule"),
    [
        ("Model", NETWORK, {"VpcConfig": {"Subnets": ["s"]}}, "sagemaker_model_in_vpc"),
        ("Model", NETWORK, {"ModelName": "fixed"}, "sagemaker_model_is_replaceable"),
        ("EndpointConfig", {"ProductionVariants": [VARIANT], "KmsKeyId": "k"}, {"KmsKeyId": None},
         "sagemaker_endpoint_volume_encrypted"),
        ("EndpointConfig", {"ProductionVariants": [VARIANT], "KmsKeyId": "k"}, {"EndpointConfigName": "fixed"},
         "sagemaker_endpoint_config_is_replaceable"),
        ("Cluster", NETWORK, {"VpcConfig": None}, "sagemaker_cluster_in_vpc"),
        ("Domain", {"AppNetworkAccessType": "VpcOnly", "KmsKeyId": "k"},
         {"AppNetworkAccessType": "PublicInternetOnly"}, "sagemaker_domain_in_vpc_and_encrypted"),
        ("DataQualityJobDefinition",
         {"NetworkConfig": NETWORK, "JobResources": {"ClusterConfig": {"VolumeKmsKeyId": "k"}}},
         {"NetworkConfig": None}, "sagemaker_monitor_in_vpc_and_encrypted"),
        ("NotebookInstance",
         {"KmsKeyId": "k", "DirectInternetAccess": "Disabled", "SubnetId": "s", "SecurityGroupIds": ["g"],
          "RootAccess": "Disabled"}, {"RootAccess": "Enabled"}, "sagemaker_notebook_instance_root_access_check"),
        ("NotebookInstance",
         {"KmsKeyId": "k", "DirectInternetAccess": "Disabled", "SubnetId": "s", "SecurityGroupIds": ["g"],
          "RootAccess": "Disabled"}, {"KmsKeyId": None}, "sagemaker_notebook_encrypted"),
        ("Pipeline", {"Tags": [{"Key": "environment", "Value": "x"}]}, {"Tags": None}, "sagemaker_pipeline_is_tagged"),
    ],
)  # fmt: skip
def test_one_thing_that_is_wrong_breaks_one_rule(
    guard: Guard, tmp_path: Path, kind: str, properties: dict[str, Any], change: dict[str, Any], rule: str
) -> None:
    assert _broken(guard, tmp_path, f"AWS::SageMaker::{kind}", properties) == set()
    changed = {name: value for name, value in {**properties, **change}.items() if value is not None}
    assert _broken(guard, tmp_path, f"AWS::SageMaker::{kind}", changed) == {rule}


def test_instances_with_disks_of_their_own_take_no_key(guard: Guard, tmp_path: Path) -> None:
    properties = {"ProductionVariants": [{**VARIANT, "InstanceType": "ml.g5.2xlarge"}]}
    assert _broken(guard, tmp_path, "AWS::SageMaker::EndpointConfig", properties) == set()


def test_published_rules_are_among_them(guard: Guard, tmp_path: Path) -> None:
    assert "s3_bucket_level_public_access_prohibited_check" in _broken(guard, tmp_path, "AWS::S3::Bucket", {})


def test_a_rule_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wrong.guard").write_text('rule nothing when Resources.*[ Type == "AWS::SageMaker::Model" ] {{{')
    with pytest.raises(RuntimeError, match=r"cfn-guard on t\.template\.json"):
        _broken(Guard(tmp_path), tmp_path, "AWS::SageMaker::Model", NETWORK)
