"""Channels of a chat that hear of alarms, and of the ends of executions as they happen.

Sources, read 2026-11-22: "Get started with Slack" and "… Microsoft Teams", "Protection policies" (a channel without
guardrails may do whatever its role may, and the role is asked for by every member), "Custom notifications" (version,
source, content), Amazon Q Developer in chat applications Administrator Guide, formerly AWS Chatbot. A person lets the
account into the workspace, once, in the console: no API does that.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_chatbot as chatbot
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field

from constructs_lib.operation.notifications import Notifications
from constructs_lib.operation.publishing import let_publish
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.symptoms import Severity

EXECUTION_CHANGE = "SageMaker Model Building Pipeline Execution Status Change"
Ended = Literal["Succeeded", "Failed", "Stopped"]


class Channel(Value):
    """A channel. Whoever is in it can look at alarms and metrics of the account, and do nothing."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Name of its configuration, once in the account."""
    severities: tuple[Severity, ...] = Field(min_length=1)
    """Topics that it hears."""
    executions: tuple[Ended, ...] = ()
    """Ends of executions that it hears of at once, by EventBridge; none by default: alarms tell of failures."""

    def bind(self, scope: Construct, notifications: Notifications, pipelines: Sequence[str]) -> None:
        """Make the channel's configuration.

        Args:
            scope: Parent.
            notifications: Topics by severity.
            pipelines: Names of the pipelines whose executions are told.

        Raises:
            ContractError: Executions are to be told where there are no pipelines.
        """
        mine = Construct(scope, f"Channel-{self.name}")
        topics = [notifications.topic(severity) for severity in self.severities]
        if self.executions:
            topics.append(self._executions(mine, notifications, pipelines))
        role = iam.Role(mine, "Role", assumed_by=iam.ServicePrincipal("chatbot.amazonaws.com"),
                        description="A chat channel: looks at alarms and their metrics")  # fmt: skip
        stack = cdk.Stack.of(scope)
        alarms = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm"
        look = iam.ManagedPolicy(
            mine, "Look", roles=[role], description="What a chat channel may do at most",
            statements=[
                # A message shows an alarm with its picture; a metric is no resource.
                iam.PolicyStatement(actions=["cloudwatch:GetMetricData"], resources=["*"]),
                iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=[f"{alarms}:trainyard-*"]),
            ],
        )  # fmt: skip
        self.configure(mine, [topic.topic_arn for topic in topics], role.role_arn, look.managed_policy_arn)

    @abstractmethod
    def configure(self, scope: Construct, topics: list[str], role: str, guardrail: str) -> cdk.CfnResource:
        """Make the resource of the chat.

        Args:
            scope: Parent.
            topics: ARNs.
            role: ARN of the role that the chat works with.
            guardrail: ARN of the policy that nobody in the channel goes beyond.
        """

    def _executions(self, scope: Construct, notifications: Notifications, pipelines: Sequence[str]) -> sns.Topic:
        """A topic of its own: messages in the chat's form are no use to anybody else."""
        if not pipelines:
            reject("chat.executions", list(self.executions), "the environment has no pipelines", "Leave it out.")
        topic = sns.Topic(scope, "Executions", master_key=notifications.key, enforce_ssl=True)
        let_publish(notifications.key, [topic], ("events",))
        stack = cdk.Stack.of(scope)
        arns = [f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:pipeline/{one}" for one in pipelines]
        message = {
            "version": "1.0",
            "source": "custom",
            "content": {"title": "<status>: <pipeline>", "description": "<execution>"},
        }
        transformer = events.CfnRule.InputTransformerProperty(
            input_paths_map={
                "status": "$.detail.currentPipelineExecutionStatus",
                "pipeline": "$.detail.pipelineArn",
                "execution": "$.detail.pipelineExecutionArn",
            },
            input_template=json.dumps(message),
        )
        events.CfnRule(
            scope,
            "Ended",
            description="Ends of executions, to a chat",
            event_pattern={
                "source": ["aws.sagemaker"],
                "detail-type": [EXECUTION_CHANGE],
                "detail": {"currentPipelineExecutionStatus": list(self.executions), "pipelineArn": arns},
            },
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Topic", arn=topic.topic_arn, input_transformer=transformer)],
        )
        return topic


class SlackChannel(Channel):
    """A channel of Slack."""

    workspace: str = Field(pattern=r"^[0-9A-Z]{1,255}$")
    """Id of the workspace, as the console shows it once it is let in."""
    channel: str = Field(pattern=r"^[A-Za-z0-9]{1,256}$")
    """Id of the channel, the last part of its link."""

    def configure(self, scope: Construct, topics: list[str], role: str, guardrail: str) -> cdk.CfnResource:
        return chatbot.CfnSlackChannelConfiguration(
            scope, "Resource", configuration_name=self.name, iam_role_arn=role, slack_workspace_id=self.workspace,
            slack_channel_id=self.channel, sns_topic_arns=topics, guardrail_policies=[guardrail],
        )  # fmt: skip


_UUID = r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


class TeamsChannel(Channel):
    """A channel of Microsoft Teams."""

    tenant: str = Field(pattern=_UUID)
    """Id of the tenant."""
    team: str = Field(pattern=_UUID)
    """Id of the team."""
    channel: str = Field(pattern=r"^[\w=+/.,-]*%3[aA][\w=+/.,-]*%40[\w=+/.,-]*$", max_length=256)
    """Id of the channel, encoded as in its link."""

    def configure(self, scope: Construct, topics: list[str], role: str, guardrail: str) -> cdk.CfnResource:
        return chatbot.CfnMicrosoftTeamsChannelConfiguration(
            scope, "Resource", configuration_name=self.name, iam_role_arn=role, teams_tenant_id=self.tenant,
            team_id=self.team, teams_channel_id=self.channel, sns_topic_arns=topics, guardrail_policies=[guardrail],
        )  # fmt: skip
