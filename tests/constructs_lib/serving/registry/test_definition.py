"""What the state machine does, executed by the embedded cloud's engine against given answers of AWS."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest

from constructs_lib.serving.registry.definition import definition
from trainyard.local.api.shapes import violations

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/serving/1"
GROUP = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/bytes-lm"
OLD, MINE, NEWER = f"{GROUP}/5", f"{GROUP}/6", f"{GROUP}/7"
MACHINE = definition(stack=STACK, parameter="ModelPackageArn", group="bytes-lm",
                     topic="arn:aws:sns:eu-west-1:123456789012:told", poll_seconds=30, timeout_seconds=600)  # fmt: skip


def stack(status: str, package: str, reason: str | None = None) -> dict[str, Any]:
    found = {
        "StackName": "serving", "StackStatus": status,
        "Parameters": [{"ParameterKey": "ModelPackageArn", "ParameterValue": package},
                       {"ParameterKey": "BootstrapVersion", "ParameterValue": "/v", "ResolvedValue": "30"}],
    }  # fmt: skip
    return {"Stacks": [{**found, **({"StackStatusReason": reason} if reason else {})}]}


def newest(*packages: str) -> dict[str, Any]:
    return {"ModelPackageSummaryList": [{"ModelPackageArn": package} for package in packages]}


DESCRIBED = {"ModelPackageArn": MINE, "ModelPackageStatus": "Completed", "LastModifiedTime": "2026-11-21T10:11:12.345Z",
             "CreationTime": "2026-11-20T00:00:00Z"}  # fmt: skip
STARTED = {"StackId": STACK}
TOKEN = "approval-6-20261121101112345"


def event(status: str, name: str, reason: str | None = None, token: str = TOKEN) -> dict[str, str]:
    told = {"ResourceStatusReason": reason} if reason else {}
    return {"LogicalResourceId": name, "ResourceStatus": status, "ClientRequestToken": token, **told}


# Newest first, as CloudFormation lists them.
EVENTS = {"StackEvents": [
    event("UPDATE_ROLLBACK_COMPLETE", "serving"),
    event("UPDATE_FAILED", "Config", "Resource update cancelled"),
    event("UPDATE_FAILED", "Endpoint", "an alarm was raised"),
    event("UPDATE_IN_PROGRESS", "Endpoint"),
    event("UPDATE_FAILED", "Endpoint", "of another update", "approval-5-1"),
]}  # fmt: skip


def refusal(text: str) -> dict[str, str]:
    return {"Error": "CloudFormation.CloudFormationException", "Cause": text}


def case(stacks: list[dict[str, Any]], updates: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "listModelPackages": [newest(MINE)],
        "describeModelPackage": [DESCRIBED],
        "describeStacks": stacks,
        "updateStack": updates or [STARTED],
        "describeStackEvents": [EVENTS],
        "publish": [{"MessageId": "1"}],
        **more,
    }


FREE, BUSY = stack("UPDATE_COMPLETE", OLD), stack("UPDATE_IN_PROGRESS", OLD)
DONE, BACK = stack("UPDATE_COMPLETE", MINE), stack("UPDATE_ROLLBACK_COMPLETE", OLD, "the stack's own reason")
CASES = {
    "served": case([FREE, stack("UPDATE_IN_PROGRESS", MINE), DONE]),
    "first": case([stack("CREATE_COMPLETE", ""), DONE]),
    "cleaning up": case([FREE, stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", MINE)]),
    "busy": case([BUSY, BUSY, FREE, DONE]),
    "race": case([FREE, FREE, DONE], [refusal(f"Stack:{STACK} is in UPDATE_IN_PROGRESS state"), STARTED]),
    "throttled": case([FREE, FREE, DONE], [refusal("Rate exceeded"), STARTED]),
    "overtaken": case([FREE], listModelPackages=[newest(NEWER)]),
    "overtaken while waiting": case([BUSY], listModelPackages=[newest(MINE), newest(NEWER)]),
    "withdrawn": case([FREE], listModelPackages=[newest()]),
    "served already": case([DONE]),
    "taken back": case([FREE, stack("UPDATE_ROLLBACK_IN_PROGRESS", OLD), BACK]),
    "sent twice": case([BACK, BACK], [{"Error": "CloudFormation.TokenAlreadyExistsException", "Cause": "exists"}]),
    "stuck": case([stack("UPDATE_ROLLBACK_FAILED", OLD, "look at it")]),
    "denied": case([FREE], [{"Error": "CloudFormation.AccessDenied", "Cause": "not authorized"}]),
    "nobody told": case([stack("UPDATE_ROLLBACK_FAILED", OLD)], publish=[{"Error": "Sns.X", "Cause": "no"}]),
    "never modified": case([FREE, DONE], describeModelPackage=[
        {"ModelPackageArn": MINE, "ModelPackageStatus": "Completed", "CreationTime": "2026-11-20T00:00:00Z"}]),
    "not validated yet": case([FREE, DONE], describeModelPackage=[{**DESCRIBED, "ModelPackageStatus": "InProgress"},
                                                                  DESCRIBED]),
    "not valid": case([FREE], describeModelPackage=[{**DESCRIBED, "ModelPackageStatus": "Failed"}]),
    "reading fails at first": case([{"Error": "CloudFormation.X", "Cause": "again"}, FREE, DONE]),
    "without a reason": case([FREE, BACK], describeStackEvents=[{"StackEvents": EVENTS["StackEvents"][-1:]}]),
    "unreadable reason": case([FREE, BACK], describeStackEvents=[{"Error": "States.DataLimitExceeded", "Cause": "x"}]),
    "by somebody else": case([FREE, stack("UPDATE_COMPLETE", NEWER)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(execute: Any) -> dict[str, Any]:
    return execute(MACHINE, {"detail": {"ModelPackageArn": MINE}}, CASES)


def actions(run: dict[str, Any]) -> list[str]:
    return [action for action, _ in run["calls"]]


@pytest.mark.parametrize(
    ("name", "updates"),
    [("served", 1), ("first", 1), ("cleaning up", 1), ("busy", 1), ("race", 2), ("throttled", 2),
     ("served already", 0), ("never modified", 1), ("reading fails at first", 1), ("not validated yet", 1)],
)  # fmt: skip
def test_the_package_is_served(runs: dict[str, Any], name: str, updates: int) -> None:
    run = runs[name]
    assert (run["status"], run["last"]) == ("SUCCEEDED", "Served")
    assert actions(run).count("updateStack") == updates
    assert "publish" not in actions(run)


@pytest.mark.parametrize("name", ["overtaken", "overtaken while waiting", "withdrawn"])
def test_what_is_not_the_newest_approved_one_changes_nothing(runs: dict[str, Any], name: str) -> None:
    run = runs[name]
    assert (run["status"], run["last"]) == ("SUCCEEDED", "Overtaken")
    assert "updateStack" not in actions(run)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("taken back", "UPDATE_ROLLBACK_COMPLETE. Endpoint: an alarm was raised"),
        ("without a reason", "UPDATE_ROLLBACK_COMPLETE. the stack's own reason"),
        ("unreadable reason", "UPDATE_ROLLBACK_COMPLETE. the stack's own reason"),
        ("sent twice", "UPDATE_ROLLBACK_COMPLETE"),
        ("not valid", "not touched. SageMaker could not validate the package."),
        ("stuck", "UPDATE_ROLLBACK_FAILED. look at it"),
        ("denied", "refused. CloudFormation.AccessDenied: not authorized"),
        ("by somebody else", "UPDATE_COMPLETE"),
    ],
)
def test_what_is_not_served_fails_and_is_told(runs: dict[str, Any], name: str, reason: str) -> None:
    run = runs[name]
    assert (run["status"], run["last"]) == ("FAILED", "Failed")
    (told,) = [arguments for action, arguments in run["calls"] if action == "publish"]
    assert told["Message"].startswith(f"{MINE} is not served: the stack is {reason}")


def test_it_fails_for_its_own_reason_when_nobody_can_be_told(runs: dict[str, Any]) -> None:
    assert runs["nobody told"]["error"] == "NotServed"


def test_an_update_changes_one_parameter_and_nothing_else(runs: dict[str, Any]) -> None:
    (request,) = [arguments for action, arguments in runs["served"]["calls"] if action == "updateStack"]
    assert request == {
        "StackName": STACK,
        "UsePreviousTemplate": True,
        "Parameters": [
            {"ParameterKey": "ModelPackageArn", "ParameterValue": MINE},
            {"ParameterKey": "BootstrapVersion", "UsePreviousValue": True},
        ],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        "ClientRequestToken": TOKEN,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("sagemaker", "ListModelPackages", "served"),
        ("sagemaker", "DescribeModelPackage", "served"),
        ("cloudformation", "DescribeStacks", "served"),
        ("cloudformation", "DescribeStackEvents", "taken back"),
        ("cloudformation", "UpdateStack", "served"),
        ("sns", "Publish", "taken back"),
    ],
)
def test_every_request_has_the_shape_of_its_operation(
    runs: dict[str, Any], service: str, operation: str, name: str
) -> None:
    shape = botocore.session.Session().get_service_model(service).operation_model(operation).input_shape
    sent = [arguments for action, arguments in runs[name]["calls"] if action == operation[0].lower() + operation[1:]]
    assert sent
    assert [violations(shape, arguments) for arguments in sent] == [[]] * len(sent)


def test_every_state_is_reached_in_some_case() -> None:
    text = json.dumps(MACHINE["States"])
    assert [name for name in MACHINE["States"] if f'"{name}"' not in text.replace(f'"{name}": {{', "")] == ["Package"]
