"""Permission boundaries: what a role can do at most, whatever is granted to it.

Source: "Permissions boundaries for IAM entities" and "IAM and AWS STS quotas", IAM User Guide, read 2026-11-22: a
boundary grants nothing; what it does not allow, or denies, no identity policy can give.
"""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

from constructs_lib.guardrails.settings import Guardrails
from constructs_lib.guardrails.statements import Places, denials
from constructs_lib.network import Network
from ml_contract.errors import reject

LONGEST = 6144
"""Characters of a managed policy, white space left out."""
_ARN = 100
"""Characters that stand for one that is known when it is deployed: no ARN of a key, a subnet or a group is longer."""
SERVICES = (
    "acm", "aps", "autoscaling", "cloudformation", "cloudwatch", "ec2", "ecr", "eks", "eks-auth",
    "elasticloadbalancing", "events", "fsx", "kms", "lambda", "logs", "s3", "sagemaker", "secretsmanager", "sns", "sqs",
    "ssm", "ssmmessages", "states", "xray",
)  # fmt: skip
"""Services that some role of the platform is granted anything of; IAM is not among them but for passing roles."""
_OBJECTS = ("s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:Get*", "s3:List*", "s3:PutObject", "s3:PutObjectTagging")
"""Nothing that says who may reach a bucket or an object."""


class Boundary(Construct):
    """A managed policy that limits every role in the scopes that it is put on."""

    policy: iam.ManagedPolicy
    """The policy; it is no use to attach it as one that grants."""

    def __init__(
        self, scope: Construct, construct_id: str, *, description: str, statements: list[dict[str, Any]]
    ) -> None:
        """Build the policy.

        Args:
            scope: Parent, in a stack that the roles' stacks may depend on.
            construct_id: Construct id.
            description: Of the policy.
            statements: As JSON; tokens may stand for what deployment knows.

        Raises:
            ContractError: The policy would be longer than IAM takes.
        """
        super().__init__(scope, construct_id)
        _check_length(statements)
        document = iam.PolicyDocument.from_json({"Version": "2012-10-17", "Statement": statements})
        self.policy = iam.ManagedPolicy(self, "Policy", description=description, document=document)

    def put_on(self, *scopes: IConstruct) -> None:
        """Limit every role and user below ``scopes``, those of CDK's own custom resources too."""
        for scope in scopes:
            iam.PermissionsBoundary.of(scope).apply(self.policy)


class LogBoundary(Boundary):
    """For what is there before network and key are, and does nothing but write logs."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        stack = cdk.Stack.of(scope)
        groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:*"
        logs = {"Sid": "Logs", "Effect": "Allow", "Action": "logs:*", "Resource": groups}
        super().__init__(scope, construct_id, description="At most: write logs", statements=[logs])


class PlatformBoundary(Boundary):
    """For all roles that work: the services of the platform, and the guardrails as denials."""

    def __init__(
        self, scope: Construct, construct_id: str, *, guardrails: Guardrails, network: Network, key: kms.IKey
    ) -> None:
        """Build the policy.

        Args:
            scope: Parent, in a stack that the roles' stacks may depend on.
            construct_id: Construct id.
            guardrails: The limits.
            network: The only one that jobs run in.
            key: The only one that jobs encrypt with.

        Raises:
            ContractError: The policy would be longer than IAM takes.
        """
        stack = cdk.Stack.of(scope)
        places = Places(
            subnets=[subnet.subnet_id for subnet in network.subnets],
            groups=[network.nodes.security_group_id],
            key=key.key_arn,
        )
        roles = f"arn:{stack.partition}:iam::{stack.account}:role/*"
        services = [f"{name}:*" for name in SERVICES if name != "s3"]
        statements: list[dict[str, Any]] = [
            {"Sid": "Services", "Effect": "Allow", "Action": [*services, *_OBJECTS], "Resource": "*"},
            {"Sid": "OwnRoles", "Effect": "Allow", "Action": "iam:PassRole", "Resource": roles},
            {"Sid": "LinkedRoles", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
             "Condition": {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}}},
            *denials(guardrails, region=stack.region, account=stack.account, places=places),
        ]  # fmt: skip
        description = "At most: the platform's services within its guardrails"
        super().__init__(scope, construct_id, description=description, statements=statements)


def _check_length(statements: list[dict[str, Any]]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    tokens = sum(1 for part in text.split("${Token[")) - 1
    length = len(text) + tokens * _ARN
    if length > LONGEST:
        reject("guardrails", length, f"a managed policy has at most {LONGEST} characters",
               "Name fewer families or subnets.")  # fmt: skip
