"""Events of AWS that alarms count, and the log that keeps what they said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from constructs_lib.retention import RETENTION, LogDays

_WRITERS = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]


class EventLog(Construct):
    """A log group that rules write into. EventBridge counts what a rule matched, the log says what it was.

    It has a resource policy of the log service, of which an account has ten in a region ("CloudWatch Logs quotas",
    CloudWatch Logs User Guide, read 2026-11-22).
    """

    group: logs.LogGroup

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, days: LogDays) -> None:
        """Make the log.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Last part of the log's name, for example ``dev/operation``.
            key: Key of the log, which the log service may use.
            days: Days that events are kept.
        """
        super().__init__(scope, construct_id)
        self.group = logs.LogGroup(
            self,
            "Resource",
            # EventBridge writes into groups below this prefix alone.
            log_group_name=f"/aws/events/trainyard/{name}",
            retention=RETENTION[days],
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        stack = cdk.Stack.of(self)
        # Source: "Permissions for CloudWatch Logs resources", EventBridge User Guide, read 2026-11-22.
        rules = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/*"
        write = {
            "Effect": "Allow",
            "Principal": {"Service": _WRITERS},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": self.group.log_group_arn,
            "Condition": {"ArnLike": {"aws:SourceArn": rules}},
        }
        logs.CfnResourcePolicy(
            self,
            "Rights",
            policy_name=cdk.Names.unique_resource_name(self, max_length=64, separator="-"),
            policy_document=stack.to_json_string({"Version": "2012-10-17", "Statement": [write]}),
        )

    def rule(self, construct_id: str, *, name: str, pattern: Mapping[str, Any], description: str) -> events.CfnRule:
        """Keep the events that match ``pattern``; CloudWatch counts them as MatchedEvents of the rule.

        Args:
            construct_id: Construct id of the rule.
            name: Name of the rule, once in an account and region; at most 64 characters.
            pattern: Pattern of EventBridge.
            description: What the events tell.
        """
        stack = cdk.Stack.of(self)
        # Targets want the ARN without the ``:*`` at its end.
        arn = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{self.group.log_group_name}"
        return events.CfnRule(
            self,
            construct_id,
            name=name,
            description=description,
            event_pattern=pattern,
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Log", arn=arn)],
        )
