"""Which services of AWS tell people something, and what lets them.

Sources, read 2026-11-22: "Receive Amazon SNS notifications" of each service, "Creating an Amazon SNS topic for budget
notifications" and "Creating an Amazon SNS topic for anomaly notifications" (AWS Cost Management), "Set up SNS" (Amazon
Managed Service for Prometheus): a service that publishes to an encrypted topic needs two actions of the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

Publisher = Literal["aps", "budgets", "cloudwatch", "costalerts", "events"]
"""Alerts of Prometheus, budgets, alarms, cost anomalies, rules over events."""
_WITHOUT_CONTEXT = frozenset({"events"})
"""Services that say nothing of the rule or the account for which they publish: with a condition a rule would match and
no message would come. Left: a rule of another account that knows the topic's ARN. Source: "Troubleshooting Amazon
EventBridge" (no Condition blocks in topic policies), EventBridge User Guide, read 2026-11-22."""
_MORE = {"aps": ("sns:GetTopicAttributes",)}


def let_publish(key: kms.Key, topics: Iterable[sns.Topic], services: Sequence[Publisher]) -> None:
    """Allow services, working for the key's account, to publish to ``topics``, which ``key`` encrypts."""
    conditions = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(key).account}}
    grants = [
        (iam.ServicePrincipal(f"{service}.amazonaws.com"), None if service in _WITHOUT_CONTEXT else conditions, service)
        for service in services
    ]
    for principal, condition, _ in grants:
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[principal],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions=condition,
            )
        )
    for topic in topics:
        for principal, condition, service in grants:
            topic.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[principal],
                    actions=["sns:Publish", *_MORE.get(service, ())],
                    resources=[topic.topic_arn],
                    conditions=condition,
                )
            )
