"""How long logs are kept that nobody here makes.

SageMaker, HyperPod, Lambda and Container Insights make their log groups when they first write, without end. Their names
are shared by everything in the account (``/aws/sagemaker/TrainingJobs``), or hold an id that is known too late: no
template can declare them without failing where they exist. So a state machine looks once a day and gives days to groups
that have none. See docs/decisions/0024-pages.md. Expressions are JSONata; every step is a call of AWS's API from Step
Functions itself.

Sources, read 2026-11-22: DescribeLogGroups and PutRetentionPolicy, CloudWatch Logs API Reference; "AWS SDK service
integrations", Step Functions Developer Guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.retention import LogDays
from constructs_lib.serving.machine import READ_RETRY, SDK, Machine
from constructs_lib.trust import for_this_account
from ml_contract.errors import reject

_EVERY_DAYS = 1


class LogKeeper(Construct):
    """Gives days to log groups without end. What has days keeps them, whoever gave them."""

    machine: Machine

    def __init__(
        self, scope: Construct, construct_id: str, *, prefixes: Sequence[str], days: LogDays, key: kms.IKey
    ) -> None:
        """Build the machine and what starts it every day.

        Args:
            scope: Parent.
            construct_id: Construct id.
            prefixes: What the groups' names begin with.
            days: Days that their events are kept, and those of the machine's own log.
            key: Key of the machine's log, which the log service may use.

        Raises:
            ContractError: A prefix that would reach groups of others.
        """
        super().__init__(scope, construct_id)
        for prefix in prefixes:
            if prefix.count("/") < 2 or "*" in prefix:
                reject("prefixes", prefix, "groups of the whole account are not this platform's to end",
                       "Write it like /aws/sagemaker/TrainingJobs.")  # fmt: skip
        self.machine = Machine(self, "Machine", document=definition(prefixes, days), key=key, log_days=days)
        stack = cdk.Stack.of(self)
        groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group"
        for action, resources in (
            ("logs:DescribeLogGroups", [f"{groups}:*"]),
            ("logs:PutRetentionPolicy", [f"{groups}:{prefix}*" for prefix in prefixes]),
        ):
            self.machine.resource.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=resources))
        events.Rule(
            self,
            "Daily",
            description="Gives days to log groups without end",
            schedule=events.Schedule.rate(cdk.Duration.days(_EVERY_DAYS)),
            targets=[targets.SfnStateMachine(self.machine.resource)],
        )
        # The target makes the role that EventBridge takes, and asks nothing of it.
        for_this_account(self.machine.resource.node.find_child("EventsRole"))


def definition(prefixes: Sequence[str], days: int) -> dict[str, Any]:
    """The machine, which takes no input.

    Args:
        prefixes: What names of groups begin with.
        days: Days that events of groups without end are kept from now on.
    """
    return {
        "Comment": f"Log groups without end keep their events for {days} days",
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": 3600,
        "StartAt": "Prefixes",
        "States": {
            "Prefixes": {
                "Type": "Map",
                "Items": list(prefixes),
                "MaxConcurrency": 1,
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "First", "States": _pages(days)},
                "End": True,
            }
        },
    }


def _pages(days: int) -> dict[str, Any]:
    return {
        "First": {
            "Type": "Pass",
            "Output": {"prefix": "{% $states.input %}", "page": {}},
            "Next": "Groups",
        },
        "Groups": {
            "Type": "Task",
            "Resource": f"{SDK}cloudwatchlogs:describeLogGroups",
            "Arguments": "{% $merge([{'LogGroupNamePrefix': $states.input.prefix}, $states.input.page]) %}",
            "Output": {
                "prefix": "{% $states.input.prefix %}",
                "endless": "{% [$states.result.LogGroups[$not($exists(RetentionInDays))].LogGroupName] %}",
                "page": "{% $exists($states.result.NextToken) ? {'NextToken': $states.result.NextToken} : {} %}",
            },
            "Retry": READ_RETRY,
            "Next": "Endless",
        },
        "Endless": {
            "Type": "Map",
            "Items": "{% $states.input.endless %}",
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Keep",
                "States": {
                    "Keep": {
                        "Type": "Task",
                        "Resource": f"{SDK}cloudwatchlogs:putRetentionPolicy",
                        "Arguments": {"LogGroupName": "{% $states.input %}", "RetentionInDays": days},
                        "Catch": [{"ErrorEquals": ["CloudWatchLogs.ResourceNotFoundException"], "Next": "Gone"}],
                        "Retry": READ_RETRY,
                        "End": True,
                    },
                    "Gone": {"Type": "Pass", "Comment": "Somebody deleted it meanwhile", "End": True},
                },
            },
            "Output": "{% $states.input %}",
            "Next": "More",
        },
        "More": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $exists($states.input.page.NextToken) %}", "Next": "Groups"}],
            "Default": "Done",
        },
        "Done": {"Type": "Succeed"},
    }
