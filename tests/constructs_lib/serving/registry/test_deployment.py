"""Rule, role and log of what serves approved packages."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from constructs_lib.serving.registry import DeploymentSettings, RegistryDeployment


@pytest.fixture(scope="module")
def found(scene: Any) -> dict[str, dict[str, Any]]:
    stack = scene.stack
    RegistryDeployment(
        stack, "Deployment", group="bytes-lm", settings=DeploymentSettings(log_days=30),
        parameter=cdk.CfnParameter(stack, "ModelPackageArn", default=""),
        key=kms.Key(stack, "Key"), topic=sns.Topic(stack, "Topic"),
    )  # fmt: skip
    return scene.written()


def only(found: dict[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    (entry,) = (entry for entry in found.values() if entry["Type"] == kind)
    return entry["Properties"]


def test_an_approval_of_this_group_starts_it(found: dict[str, dict[str, Any]]) -> None:
    rule = only(found, "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["bytes-lm"], "ModelApprovalStatus": ["Approved"]},
    }
    (target,) = rule["Targets"]
    assert found[target["Arn"]["Ref"]]["Type"] == "AWS::StepFunctions::StateMachine"


def test_the_machine_is_traced_and_logged_under_the_key(found: dict[str, dict[str, Any]]) -> None:
    machine, log = only(found, "AWS::StepFunctions::StateMachine"), only(found, "AWS::Logs::LogGroup")
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert log["LogGroupName"].startswith("/aws/vendedlogs/states/")
    assert "KmsKeyId" in log
    assert log["RetentionInDays"] == 30


def statements(found: dict[str, dict[str, Any]], action: str) -> list[dict[str, Any]]:
    policies = (entry["Properties"] for entry in found.values() if entry["Type"] == "AWS::IAM::Policy")
    return [
        statement
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def test_it_may_update_its_own_stack_and_no_other(found: dict[str, dict[str, Any]]) -> None:
    (statement,) = statements(found, "cloudformation:UpdateStack")
    assert statement["Resource"] == {"Ref": "AWS::StackId"}


def test_it_reads_the_packages_of_its_group_and_approves_none(found: dict[str, dict[str, Any]]) -> None:
    (statement,) = statements(found, "sagemaker:DescribeModelPackage")
    versions, group = map(json.dumps, statement["Resource"])
    assert versions.endswith('model-package/bytes-lm/*"]]}')
    assert group.endswith('model-package-group/bytes-lm"]]}')
    assert set(statement["Action"]) == {"sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"}


def test_only_what_knows_no_resource_is_granted_on_all(found: dict[str, dict[str, Any]]) -> None:
    policies = (entry["Properties"] for entry in found.values() if entry["Type"] == "AWS::IAM::Policy")
    wide = {
        action.partition(":")[0]
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Resource"] == "*"
        for action in statement["Action"]
    }
    assert wide == {"logs", "xray"}


def test_an_execution_that_runs_out_of_time_is_told(found: dict[str, dict[str, Any]]) -> None:
    alarm = only(found, "AWS::CloudWatch::Alarm")
    assert alarm["MetricName"] == "ExecutionsTimedOut"
    assert found[alarm["AlarmActions"][0]["Ref"]]["Type"] == "AWS::SNS::Topic"


def test_the_definition_names_the_stack_by_reference(found: dict[str, dict[str, Any]]) -> None:
    definition = only(found, "AWS::StepFunctions::StateMachine")["DefinitionString"]
    assert {"Ref": "AWS::StackId"} in definition["Fn::Join"][1]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"log_days": 30, "poll_seconds": 1}, "at least 5"),
        ({"log_days": 30, "timeout_seconds": 60}, "at least 600"),
        ({"log_days": 30, "poll_seconds": 30}, "history of 25000 events is full after 24990 s"),
        ({"log_days": 31}, "log_days: got 31"),
    ],
)
def test_settings_out_of_bounds_are_refused(fields: dict[str, int], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        DeploymentSettings(**fields)
