"""Templates of any app: assemblies, plain files in JSON and YAML, conditions, parameters, and what is no template."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.cost.scenes import KEY, NAT, assembly, template
from trainyard.cost.templates import read

YAML = """
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Wanted: {Type: String, Default: "true"}
Conditions:
  Make: !Equals [!Ref Wanted, "true"]
Resources:
  Gateway:
    Type: AWS::EC2::NatGateway
    Condition: Make
    Properties:
      SubnetId: !GetAtt Subnet.Id
      Tags: [{Key: Name, Value: !Sub "${AWS::Region}-nat"}]
  Topic:
    Type: AWS::SNS::Topic
"""


def test_stacks_of_an_environment_are_chosen_whatever_its_case(tmp_path: Path) -> None:
    folder = assembly(tmp_path / "out", {"Prod/Network": {"Nat": NAT}, "Dev/Network": {"Nat": NAT}})
    (found,) = read(folder, environment="PROD")
    assert (found.id, found.environment, found.region) == ("Prod/Network", "prod", "us-east-1")


def test_yaml_with_short_forms_is_read(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(YAML)
    (found,) = read(file, region="eu-west-1")
    assert found.resources["Gateway"].properties["Tags"] == [{"Key": "Name", "Value": "eu-west-1-nat"}]
    assert found.absent == {}


def test_a_resource_whose_condition_is_false_is_not_there_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(YAML)
    (found,) = read(file, region="eu-west-1", parameters={"Wanted": "false"})
    assert list(found.resources) == ["Topic"]
    assert found.absent == {"Make": 1}


def test_a_condition_that_is_open_is_told(tmp_path: Path) -> None:
    conditions = {"Make": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}}
    file = template(tmp_path, {"Key": KEY | {"Condition": "Make"}}, Parameters={"Wanted": {"Type": "String"}},
                    Conditions=conditions)  # fmt: skip
    (found,) = read(file, region="us-east-1")
    assert found.resources["Key"].only_if == "Make (${Wanted})"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{broken", "neither JSON nor YAML"),
        ("a: [b", "neither JSON nor YAML"),
        ("[1, 2]", "`Resources`"),
        ('{"Resources": []}', "`Resources`"),
        ('{"Resources": {"A": "x"}}', "no resource with a Type"),
        ('{"Resources": {"Fn::ForEach::A": ["x", [], {}]}}', "template-stage Processed"),
        ('{"Resources": {"A": {"Type": "AWS::KMS::Key", "Condition": "No"}}}', "does not define it"),
    ],
)
def test_what_is_no_template_is_one_error(tmp_path: Path, text: str, match: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(ContractError, match=match) as caught:
        read(file, region="us-east-1")
    assert "\n" not in str(caught.value)


def test_a_folder_without_assembly_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="cdk synth"):
        read(tmp_path)


def test_an_environment_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    folder = assembly(tmp_path / "out", {"Prod/Network": {"Nat": NAT}, "Dev/Network": {"Nat": NAT}})
    with pytest.raises(ContractError, match="There are dev, prod"):
        read(folder, environment="staging")


def test_a_parameter_that_no_template_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no template has this parameter"):
        read(template(tmp_path, {"Key": KEY}), region="us-east-1", parameters={"Tpyo": "1"})


def test_a_region_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="--region us-east-1"):
        read(assembly(tmp_path / "out", {"Net": {"Nat": NAT}}, environment="aws://unknown-account/unknown-region"))


@pytest.mark.parametrize("text", ["{", "{}", '{"artifacts": {"a": {"type": "aws:cloudformation:stack"}}}', "[]"])
def test_a_broken_manifest_is_one_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ContractError, match=r"manifest\.json is none"):
        read(tmp_path)


def test_an_assembly_without_stacks_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"artifacts": {}}')
    with pytest.raises(ContractError, match="holds no stack"):
        read(tmp_path)


def test_a_nested_stack_of_the_assembly_is_read_with_what_it_is_handed(tmp_path: Path) -> None:
    folder = assembly(tmp_path / "out", {"Prod/App": {
        "Inner": {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "inner.nested.template.json"},
                  "Properties": {"Parameters": {"Days": "30"}, "TemplateURL": {"Fn::Sub": "https://${AWS::Region}/x"}}},
        "Other": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://elsewhere"}},
    }})  # fmt: skip
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": {"Ref": "Days"}}}
    (folder / "inner.nested.template.json").write_text(json.dumps(
        {"Parameters": {"Days": {"Type": "Number"}}, "Resources": {"Log": group}}
    ))  # fmt: skip
    outer, inner = read(folder)
    assert list(outer.resources) == ["Other"]
    assert (inner.id, inner.environment) == ("Prod/App/Inner", "prod")
    assert inner.resources["Log"].properties == {"RetentionInDays": "30"}


def test_a_nested_stack_that_holds_itself_ends(tmp_path: Path) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:asset:path": "ProdApp.template.json"}}
    found = read(assembly(tmp_path / "out", {"Prod/App": {"Inner": nested, "Key": KEY}}))
    assert 1 < len(found) < 20
