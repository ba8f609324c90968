"""What a service needs of a key."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms


def let_log_service_use(key: kms.Key) -> None:
    """Allow CloudWatch Logs of the key's account and region to use ``key`` for its log groups.

    Source: "Encrypt log data in CloudWatch Logs using AWS KMS", CloudWatch Logs User Guide, read 2026-11.
    """
    stack = cdk.Stack.of(key)
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": (
                        f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*"
                    )
                }
            },
        )
    )


def let_alarms_use(key: kms.Key) -> None:
    """Allow alarms of the key's account to publish to topics that ``key`` encrypts.

    Source: "Receive Amazon SNS notifications: required permissions for encrypted topics", Amazon SNS and CloudWatch
    guides, read 2026-11-21.
    """
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(key).account}},
        )
    )
