"""Trust in a service, for this account's resources only, where CDK makes the role and asks nothing.

Sources, read 2026-11-22: "The confused deputy problem", IAM User Guide; "IAM role for publishing flow logs to
CloudWatch Logs", Amazon VPC User Guide; "Cross-service confused deputy prevention", Amazon EventBridge User Guide.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def for_this_account(role: IConstruct) -> None:
    """Let the service that ``role`` trusts take it for resources of its account alone.

    Args:
        role: A role with one statement of trust, as CDK writes it.

    Raises:
        RuntimeError: It is no role that is made here.
    """
    resource = role.node.default_child
    if not isinstance(resource, iam.CfnRole):
        raise RuntimeError(f"{role.node.path} is no role")
    account = cdk.Stack.of(role).account
    resource.add_property_override(
        "AssumeRolePolicyDocument.Statement.0.Condition", {"StringEquals": {"aws:SourceAccount": account}}
    )
