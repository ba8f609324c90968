"""Who is told what: a topic for each severity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from constructs_lib.encryption import let_log_service_use
from constructs_lib.operation.publishing import Publisher, let_publish
from ml_contract.symptoms import Severity

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class Notifications(Construct):
    """Three encrypted topics and their key. Who subscribes is the operator's."""

    key: kms.Key
    """Key of the messages, which the log service may use too."""
    topics: Mapping[Severity, sns.Topic]

    def __init__(self, scope: Construct, construct_id: str, *, environment: str, removal: cdk.RemovalPolicy) -> None:
        """Make the topics.

        Args:
            scope: Parent.
            construct_id: Construct id.
            environment: The environment's short name: the topics are ``trainyard-<environment>-<severity>``.
            removal: What happens to the key when the stack goes.
        """
        super().__init__(scope, construct_id)
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=removal,
                           description="What people are told, and events that alarms count")  # fmt: skip
        let_log_service_use(self.key)
        self.topics = {
            severity: sns.Topic(
                self,
                severity.capitalize(),
                topic_name=f"trainyard-{environment}-{severity}",
                display_name=f"Trainyard {environment}: {severity}",
                master_key=self.key,
                enforce_ssl=True,
            )
            for severity in SEVERITIES
        }
        let_publish(self.key, self.topics.values(), _PUBLISHERS)

    def topic(self, severity: Severity) -> sns.Topic:
        """The topic of a severity."""
        return self.topics[severity]


_PUBLISHERS: tuple[Publisher, ...] = ("cloudwatch", "budgets", "costalerts", "aps", "events")
