"""The table of AWS's actions: it says what the reference says, and what is not in it is refused."""

import json
from pathlib import Path

import cfnlint.data.AdditionalSpecs
import pytest

from constructs_lib.guardrails import extract_reference
from constructs_lib.guardrails.reference import carrying, everything, service
from ml_contract.errors import ContractError


def test_every_service_has_actions_of_some_kind() -> None:
    assert [name for name in extract_reference.SERVICES if not everything(name)] == []


def test_another_source_knows_the_same_actions_of_sagemaker_and_s3_by_resource() -> None:
    """cfn-lint's table, which is newer: it may know more, and never less."""
    (folder,) = map(Path, cfnlint.data.AdditionalSpecs.__path__)
    table = json.loads((folder / "Policies.json").read_text())
    for prefix in ("sagemaker", "s3"):
        other = {name for name, told in table[prefix]["Actions"].items() if told.get("Resources")}
        here = {name.lower() for name in service(prefix).on_resources}
        assert here - other == set()


def test_the_keys_of_the_guardrails_are_sagemakers_own() -> None:
    keys = service("sagemaker").keys
    assert "CreateTrainingJob" in keys["sagemaker:MaxRuntimeInSeconds"]
    assert "CreateTransformJob" not in keys["sagemaker:VpcSubnets"]
    assert keys["sagemaker:TargetModel"] == {"InvokeEndpoint"}


def test_actions_that_do_not_carry_a_key_fall_out_and_none_left_is_refused() -> None:
    found = carrying("sagemaker:VpcSubnets", "CreateTrainingJob", "CreateTransformJob")
    assert found == ["sagemaker:CreateTrainingJob"]
    with pytest.raises(ContractError, match="none of CreateTransformJob carries it"):
        carrying("sagemaker:VpcSubnets", "CreateTransformJob")
    with pytest.raises(ContractError):
        carrying("sagemaker:VpcSubnet", "CreateTrainingJob")


def test_the_extract_keeps_what_a_reference_says() -> None:
    kinds = {"": {"condition_keys": ["demo:Key", "aws:TagKeys"]}, "thing": {"condition_keys": ["demo:Key"]}}
    found = {
        "privileges": {"Make": {"resource_types": kinds}, "List": {"resource_types": {"": {"condition_keys": []}}}},
        "conditions": {"demo:Key": {"type": "ARN"}},
    }
    assert extract_reference._service("demo", found) == {"on_resources": ["Make"], "on_everything": ["List"]}
    sagemaker = extract_reference._service("sagemaker", json.loads(json.dumps(found).replace("demo:", "sagemaker:")))
    assert sagemaker["keys"] == {"sagemaker:Key": {"type": "ARN", "actions": ["Make"]}}
