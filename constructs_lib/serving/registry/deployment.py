"""An approved model package becomes what a stack serves."""

from __future__ import annotations

from typing import Self

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.retention import LogDays
from constructs_lib.serving.machine import MOST_EVENTS, Machine
from constructs_lib.serving.registry.definition import definition
from constructs_lib.trust import for_this_account
from constructs_lib.values import Value
from ml_contract.errors import reject

_EVENTS_A_LOOK = 30
"""While the stack is busy: three calls, two choices and a wait, each with its own events."""


class DeploymentSettings(Value):
    """How patiently and how visibly packages are brought into the stack."""

    poll_seconds: int = Field(default=60, ge=5, le=3600)
    """Pause between two looks at the stack; a minute by default."""
    timeout_seconds: int = Field(default=43200, ge=600, le=31536000)
    """Longest time for one package, waiting for other updates included; 12 hours by default: longer than the longest
    update of an endpoint, which is 8 hours."""
    log_days: LogDays
    """Days that the executions' log is kept."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        most = MOST_EVENTS // _EVENTS_A_LOOK * self.poll_seconds
        if self.timeout_seconds > most:
            reject("timeout_seconds", self.timeout_seconds, f"looking every {self.poll_seconds} s, an execution's "
                   f"history of {MOST_EVENTS} events is full after {most} s", "Look less often.")  # fmt: skip
        return self


class RegistryDeployment(Construct):
    """When a package of a group is approved, the stack is updated with its ARN as a parameter.

    CloudFormation stays the owner of the endpoint: the endpoint's own rollout and alarms take a bad package back, the
    stack's history says what was served when, and the next ``cdk deploy`` keeps the parameter's value. Of several
    approved packages the newest version is served. To go back, reject it and approve the older one again.
    """

    machine: stepfunctions.StateMachine
    """What runs for each approval."""
    rule: events.Rule
    """What starts it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group: str,
        parameter: cdk.CfnParameter,
        key: kms.IKey,
        settings: DeploymentSettings,
        topic: sns.ITopic | None = None,
    ) -> None:
        """Build rule, state machine and log.

        Args:
            scope: Parent, in any stack of the account and region.
            construct_id: Construct id.
            group: Name of the model package group.
            parameter: Parameter of the stack to update, which takes the package's ARN.
            key: Key of the log, which the log service may use (``constructs_lib.encryption.let_log_service_use``).
            settings: Patience and retention.
            topic: Who is told when a package is not served; None: nobody, but the execution fails.
        """
        super().__init__(scope, construct_id)
        served = cdk.Stack.of(parameter)
        document = definition(
            stack=served.stack_id,
            parameter=parameter.logical_id,
            group=group,
            topic=topic.topic_arn if topic else None,
            poll_seconds=settings.poll_seconds,
            timeout_seconds=settings.timeout_seconds,
        )
        machine = Machine(self, "Machine", document=document, key=key, log_days=settings.log_days)
        self.machine = machine.resource
        self._grant(served, group)
        if topic is not None:
            topic.grant_publish(self.machine)
            self._warn(topic)
        self.rule = events.Rule(
            self,
            "Approved",
            description=f"A package of {group} was approved",
            # Source: "SageMaker model package state change", SageMaker Developer Guide, read 2026-11-21.
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                detail={"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]},
            ),
            targets=[targets.SfnStateMachine(self.machine)],
        )
        # The target makes the role that EventBridge takes, and asks nothing of it.
        for_this_account(self.machine.node.find_child("EventsRole"))

    def _grant(self, served: cdk.Stack, group: str) -> None:
        partition, account, region = served.partition, served.account, served.region
        version = f"/cdk-bootstrap/{served.synthesizer.bootstrap_qualifier or '*'}/version"
        packages = f"arn:{partition}:sagemaker:{region}:{account}:model-package"
        for actions, resources in (
            ([f"cloudformation:{name}" for name in ("DescribeStackEvents", "DescribeStacks", "UpdateStack")],
             [served.stack_id]),
            # Versions get their number when they are registered. Which of the two listing is authorised on, AWS's own
            # pages do not agree.
            (["sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"],
             [f"{packages}/{group}/*", f"{packages}-group/{group}"]),
            # The template's own parameter that names CDK's bootstrap version is read anew by each update.
            (["ssm:GetParameters"], [f"arn:{partition}:ssm:{region}:{account}:parameter{version}"]),
        ):  # fmt: skip
            self.machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))

    def _warn(self, topic: sns.ITopic) -> None:
        """An execution that ran out of time could tell nobody by itself."""
        cloudwatch.CfnAlarm(
            self,
            "TimedOut",
            alarm_description="An approved model package was not served in time",
            namespace="AWS/States",
            metric_name="ExecutionsTimedOut",
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name="StateMachineArn", value=self.machine.state_machine_arn)
            ],
            statistic="Sum",
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            period=300,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=[topic.topic_arn],
        )
