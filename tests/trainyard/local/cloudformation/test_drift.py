"""What is changed by hand, as CloudFormation's drift detection and `trainyard drift` tell it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainyard.cli.delivery import markdown, plain
from trainyard.local.cloud import Cloud
from trainyard.operations.connection import Connection
from trainyard.operations.deployed import fetch
from trainyard.operations.drift import StackDrift, chosen, detect

pytestmark = pytest.mark.slow
Client = Callable[[str], Any]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}],
}
TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "planned"}},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "VersioningConfiguration": {"Status": "Enabled"},
                "PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": True,
                                                   "IgnorePublicAcls": True, "RestrictPublicBuckets": True},
                "Tags": [{"Key": "owner", "Value": "research"}],
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": 3600},
        },
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": "drifting", "ModelPackageGroupDescription": "planned"},
        },
    }
}  # fmt: skip


@pytest.fixture
def look(stack: Any, cloud: Cloud) -> Callable[[], StackDrift]:
    """Deploys the template, and looks for drift each time that it is called."""
    stack.deploy(TEMPLATE)
    connection = Connection(cloud)
    return lambda: detect(connection, [stack.name])[0]


def test_what_nobody_touched_has_not_drifted(look: Callable[[], StackDrift]) -> None:
    assert not look().differs


@pytest.mark.parametrize(
    ("change", "logical_id", "path", "actual"),
    [
        pytest.param(
            lambda client, name: client("ssm").put_parameter(Name=name, Value="by hand", Overwrite=True),
            "Parameter", "/Value", "by hand", id="a parameter"),
        pytest.param(
            lambda client, name: client("logs").put_retention_policy(logGroupName=name, retentionInDays=1),
            "Logs", "/RetentionInDays", "1", id="the days of a log"),
        pytest.param(
            lambda client, name: client("s3").put_public_access_block(
                Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": False,
                                                             "IgnorePublicAcls": True, "RestrictPublicBuckets": True}),
            "Bucket", "/PublicAccessBlockConfiguration/BlockPublicPolicy", "false", id="an opened bucket"),
        pytest.param(
            lambda client, name: client("s3").put_bucket_tagging(
                Bucket=name, Tagging={"TagSet": [{"Key": "owner", "Value": "research"}, {"Key": "x", "Value": "y"}]}),
            "Bucket", "/Tags/x", "y", id="a tag more"),
        pytest.param(
            lambda client, name: client("iam").update_role(RoleName=name, MaxSessionDuration=43200),
            "Role", "/MaxSessionDuration", "43200", id="a longer session"),
    ],
)  # fmt: skip
def test_what_is_changed_by_hand_is_told_with_both_values(
    change: Callable[[Client, str], object], logical_id: str, path: str, actual: str,
    look: Callable[[], StackDrift], client: Client, stack: Any,
) -> None:  # fmt: skip
    change(client, stack.physical_id(logical_id))
    (resource,) = look().resources
    assert (resource.logical_id, resource.deleted) == (logical_id, False)
    assert [(one.path, one.actual) for one in resource.properties] == [(path, actual)]


def test_what_is_deleted_by_hand_is_told(look: Callable[[], StackDrift], client: Client, stack: Any) -> None:
    client("sagemaker").delete_model_package_group(ModelPackageGroupName="drifting")
    client("ssm").delete_parameter(Name=stack.physical_id("Parameter"))
    assert {(found.logical_id, found.deleted) for found in look().resources} == {("Group", True), ("Parameter", True)}


def test_what_is_put_right_has_not_drifted(look: Callable[[], StackDrift], client: Client, stack: Any) -> None:
    name = stack.physical_id("Parameter")
    client("ssm").put_parameter(Name=name, Value="by hand", Overwrite=True)
    assert look().differs
    client("ssm").put_parameter(Name=name, Value="planned", Overwrite=True)
    assert not look().differs


def test_a_stack_that_is_not_there_is_told_and_does_not_hide_the_others(
    look: Callable[[], StackDrift], cloud: Cloud, stack: Any
) -> None:
    missing, there = detect(Connection(cloud), ["trainyard-nowhere", stack.name])
    assert "trainyard-nowhere" in missing.failure
    assert not there.differs


def assembly(folder: Path, name: str, template: dict[str, Any]) -> Path:
    folder.mkdir()
    (folder / "it.template.json").write_text(json.dumps(template))
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://123456789012/us-east-1",
        "displayName": "Local/It",
        "properties": {"templateFile": "it.template.json", "stackName": name},
    }
    (folder / "manifest.json").write_text(json.dumps({"version": "54.0.0", "artifacts": {"It": artifact}}))
    return folder


def test_a_deployment_from_elsewhere_is_told_by_its_template(
    look: Callable[[], StackDrift], cloud: Cloud, stack: Any, tmp_path: Path
) -> None:
    same = chosen(assembly(tmp_path / "same", stack.name, TEMPLATE), "local")
    connection = Connection(cloud)
    assert not detect(connection, [stack.name], same)[0].differs
    changed = json.loads(json.dumps(TEMPLATE))
    del changed["Resources"]["Group"]
    changed["Resources"]["Logs"]["Properties"]["RetentionInDays"] = 7
    changed["Outputs"] = {"New": {"Value": "1"}}
    other = chosen(assembly(tmp_path / "other", stack.name, changed), "local")
    (found,) = detect(connection, [stack.name], other)
    assert found.template == ("Outputs.New", "Resources.Group", "Resources.Logs")
    assert "template: Resources.Logs is not the artifact's" in plain([found])


def test_what_is_deployed_comes_back_as_an_assembly(
    look: Callable[[], StackDrift], cloud: Cloud, stack: Any, tmp_path: Path
) -> None:
    wanted = assembly(tmp_path / "wanted", stack.name, {"Resources": {}})
    assert fetch(Connection(cloud), wanted, ["*"], tmp_path / "before") == []
    (found,) = chosen(tmp_path / "before", "local")
    assert (found.name, found.account, found.template) == (stack.name, "123456789012", TEMPLATE)
    nowhere = assembly(tmp_path / "nowhere", "trainyard-nowhere", TEMPLATE)
    assert fetch(Connection(cloud), nowhere, ["*"], tmp_path / "nothing") == ["Local/It"]
    assert chosen(tmp_path / "nothing", "local")[0].template == {"Resources": {}}


def test_an_issue_shows_values_as_text(look: Callable[[], StackDrift], client: Client, stack: Any) -> None:
    client("ssm").put_parameter(Name=stack.physical_id("Parameter"), Value="a|b `@everybody`\n# c", Overwrite=True)
    text = markdown("local", [look()])
    (row,) = (line for line in text.splitlines() if "/Value" in line)
    assert row.endswith("| `planned` | `a\\|b '@everybody' # c` |")


def test_a_detection_ends_by_itself(look: Callable[[], StackDrift], client: Client, stack: Any) -> None:
    look()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (found,) = client("cloudformation").describe_stacks(StackName=stack.name)["Stacks"]
        if found["DriftInformation"]["StackDriftStatus"] == "IN_SYNC":
            return
        time.sleep(0.05)
    raise AssertionError(found["DriftInformation"])
