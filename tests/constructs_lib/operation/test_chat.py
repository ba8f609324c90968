"""Channels of a chat as a template."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from synthesis import resources

from constructs_lib.operation import Notifications, SlackChannel, TeamsChannel
from constructs_lib.values import InvalidValue
from ml_contract.errors import ContractError

TENANT = "11111111-2222-3333-4444-555555555555"
SLACK = SlackChannel(name="dev", severities=("critical", "warning"), executions=("Failed",), workspace="T0123ABCD",
                     channel="C0123ABCD")  # fmt: skip
TEAMS = TeamsChannel(
    name="teams", severities=("notice",), tenant=TENANT, team=TENANT, channel="19%3aabc%40thread.tacv2"
)


def stack() -> tuple[cdk.Stack, Notifications]:
    made = cdk.Stack(cdk.App(), "Stack", env=cdk.Environment(account="123456789012", region="us-east-1"))
    return made, Notifications(made, "Notifications", environment="dev", removal=cdk.RemovalPolicy.DESTROY)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    made, notifications = stack()
    for channel in (SLACK, TEAMS):
        channel.bind(made, notifications, ["trainyard-dev-digits"])
    return assertions.Template.from_stack(made).to_json()


def one(template: dict[str, Any], kind: str) -> dict[str, Any]:
    ((_, entry),) = resources(template, kind).items()
    properties: dict[str, Any] = entry["Properties"]
    return properties


def test_a_channel_hears_its_severities_and_executions_through_a_topic_of_its_own(template: dict[str, Any]) -> None:
    topics = [arn["Ref"] for arn in one(template, "AWS::Chatbot::SlackChannelConfiguration")["SnsTopicArns"]]
    wanted = ("NotificationsCritical", "NotificationsWarning", "ChanneldevExecutions")
    assert all(name.startswith(part) for name, part in zip(topics, wanted, strict=True))
    (only,) = one(template, "AWS::Chatbot::MicrosoftTeamsChannelConfiguration")["SnsTopicArns"]
    assert only["Ref"].startswith("NotificationsNotice")


@pytest.mark.parametrize("kind", ["Slack", "MicrosoftTeams"])
def test_nobody_in_a_channel_goes_beyond_looking(template: dict[str, Any], kind: str) -> None:
    """Without a guardrail a channel has AWS's own: AdministratorAccess."""
    ((policy,),) = [one(template, f"AWS::Chatbot::{kind}ChannelConfiguration")["GuardrailPolicies"]]
    statements = template["Resources"][policy["Ref"]]["Properties"]["PolicyDocument"]["Statement"]
    assert {statement["Action"] for statement in statements} == {
        "cloudwatch:GetMetricData",
        "cloudwatch:DescribeAlarms",
    }


def test_ends_of_executions_are_told_in_the_chat_s_form(template: dict[str, Any]) -> None:
    rule = one(template, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"]["currentPipelineExecutionStatus"] == ["Failed"]
    assert "trainyard-dev-digits" in json.dumps(rule["EventPattern"]["detail"]["pipelineArn"])
    (target,) = rule["Targets"]
    message = json.loads(target["InputTransformer"]["InputTemplate"])
    assert (message["version"], message["source"]) == ("1.0", "custom")
    named = set(target["InputTransformer"]["InputPathsMap"])
    assert named == {"status", "pipeline", "execution"}
    assert all(f"<{name}>" in json.dumps(message["content"]) for name in named)


def test_executions_need_pipelines() -> None:
    made, notifications = stack()
    with pytest.raises(ContractError, match=r"chat\.executions: .*the environment has no pipelines"):
        SLACK.bind(made, notifications, [])


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (SLACK, {"channel": "#dev"}),
        (SLACK, {"workspace": "t0123"}),
        (SLACK, {"severities": ()}),
        (SLACK, {"severities": ("page",)}),
        (TEAMS, {"team": "the team"}),
        (TEAMS, {"channel": "19:abc@thread.tacv2"}),
    ],
)
def test_ids_are_those_of_the_chat(kind: SlackChannel | TeamsChannel, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=next(iter(changes))):
        type(kind)(**{**kind.model_dump(), **changes})
