"""Rules over a cluster's events, the log that keeps them, and alarms on their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.hyperpod.events import SOURCE, Storm, Watched
from constructs_lib.operation.publishing import let_publish
from constructs_lib.retention import RETENTION, LogDays
from ml_contract.errors import reject


class AlertTopic(Construct):
    """Where alarms, events and Prometheus' alerts of an environment go."""

    topic: sns.Topic

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.Key) -> None:
        """Make the topic; who subscribes is the operator's.

        Args:
            scope: Parent.
            construct_id: Construct id.
            key: Key of the messages. It is told here to let the three services use it.
        """
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Resource", master_key=key, enforce_ssl=True, display_name="Trainyard")
        let_publish(key, [self.topic], ("cloudwatch", "events", "aps"))


class ClusterWatch(Construct):
    """What HyperPod tells of one cluster: people are told what matters, a log keeps all of it.

    Each has a resource policy of the log service, of which an account has ten in a region ("CloudWatch Logs quotas",
    CloudWatch Logs User Guide, read 2026-11-22).
    """

    log: logs.LogGroup
    """Every event of the cluster."""
    name: str
    """Name of the cluster."""
    rules: dict[str, events.CfnRule]
    """Rules by the kind of event that they hand on."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        cluster_arn: str,
        name: str,
        watched: Sequence[Watched],
        topic: sns.ITopic,
        key: kms.IKey,
        log_days: LogDays,
        storm: Storm | None = None,
    ) -> None:
        """Build rules, log and alarms.

        Args:
            scope: Parent.
            construct_id: Construct id.
            cluster_arn: ARN of the cluster.
            name: Name of the cluster, part of the log's name.
            watched: Kinds of events that are handed on, each once.
            topic: Who is told: an :class:`AlertTopic`, or one with its rights.
            key: Key of the log, which the log service may use (``constructs_lib.encryption.let_log_service_use``).
            log_days: Days that the log is kept.
            storm: Raises an alarm for each kind; none by default.

        Raises:
            ContractError: A kind is watched twice.
        """
        super().__init__(scope, construct_id)
        names = [one.name for one in watched]
        twice = [one for one in names if names.count(one) > 1]
        if twice:
            reject("watched", twice[0], "a kind of event is handed on once", "Put both into one.")
        self.name, self.rules = name, {}
        self.log = self._keep(cluster_arn, name, key, log_days)
        for one in watched:
            rule = self.rules[one.name] = self._hand_on(one, cluster_arn, topic)
            if storm:
                self._count(one, rule, storm, topic)

    def _hand_on(self, one: Watched, cluster_arn: str, topic: sns.ITopic) -> events.CfnRule:
        fields, sentence = one.sentence
        transformer = events.CfnRule.InputTransformerProperty(input_paths_map=fields, input_template=f'"{sentence}"')
        return events.CfnRule(
            self,
            one.name,
            description=f"{one.detail_type} of a cluster, to people",
            event_pattern=one.pattern(cluster_arn),
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Topic", arn=topic.topic_arn, input_transformer=transformer)],
        )

    def _count(self, one: Watched, rule: events.CfnRule, storm: Storm, topic: sns.ITopic) -> None:
        cloudwatch.CfnAlarm(
            self,
            f"{one.name}Storm",
            alarm_description=f"{storm.events} and more in {storm.minutes} minutes: {one.detail_type}",
            # Source: "Monitoring Amazon EventBridge", EventBridge User Guide, read 2026-11-22.
            namespace="AWS/Events",
            metric_name="MatchedEvents",
            dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="RuleName", value=rule.ref)],
            statistic="Sum",
            period=storm.minutes * 60,
            evaluation_periods=1,
            threshold=storm.events,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[topic.topic_arn],
        )

    def _keep(self, cluster_arn: str, name: str, key: kms.IKey, log_days: LogDays) -> logs.LogGroup:
        log = logs.LogGroup(
            self,
            "Log",
            # EventBridge writes into groups below this prefix alone.
            log_group_name=f"/aws/events/hyperpod/{cdk.Stack.of(self).stack_name}/{name}",
            retention=RETENTION[log_days],
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        pattern: dict[str, Any] = {"source": [SOURCE], "resources": [cluster_arn]}
        rule = events.CfnRule(
            self,
            "All",
            description="Every event of a cluster, to its log",
            event_pattern=pattern,
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Log", arn=_plain(log))],
        )
        logs.CfnResourcePolicy(
            self,
            "LogRights",
            policy_name=cdk.Names.unique_resource_name(self, max_length=64, separator="-"),
            policy_document=cdk.Stack.of(self).to_json_string(_writing(log, rule)),
        )
        return log


def _plain(log: logs.LogGroup) -> str:
    """ARN of a group without the ``:*`` at its end, as targets want it."""
    stack = cdk.Stack.of(log)
    return f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{log.log_group_name}"


def _writing(log: logs.LogGroup, rule: events.CfnRule) -> dict[str, Any]:
    """Source: "Permissions for CloudWatch Logs resources", EventBridge User Guide, read 2026-11-22."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": _LOG_WRITERS},
                "Action": "logs:CreateLogStream",
                "Resource": log.log_group_arn,
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": _LOG_WRITERS},
                "Action": "logs:PutLogEvents",
                "Resource": log.log_group_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            },
        ],
    }


_LOG_WRITERS = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
