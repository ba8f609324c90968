"""What CloudFormation may do for an environment's stacks, in place of everything.

`cdk bootstrap` gives CloudFormation's role AdministratorAccess unless it is told otherwise. This is the policy to tell
it: the platform's services in its region, IAM below the environment's own names, and nothing that would let a template
widen who deploys.

Sources, read 2026-11-22: "Bootstrapping your environment: --cloudformation-execution-policies", AWS CDK Developer
Guide; "Permissions boundaries for IAM entities: Delegating responsibility to others", IAM User Guide
(``iam:PermissionsBoundary``); "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.delivery.roles import PATH
from constructs_lib.delivery.trust import ISSUER
from constructs_lib.guardrails.boundary import LONGEST
from ml_contract.errors import reject

Statement = dict[str, Any]

SERVICES = {
    "AWS::APS": ("aps",),
    "AWS::ApplicationAutoScaling": ("application-autoscaling",),
    "AWS::Budgets": ("budgets",),
    "AWS::CDK": (),
    "AWS::CE": ("ce",),
    "AWS::Chatbot": ("chatbot",),
    "AWS::CloudFormation": ("cloudformation",),
    "AWS::CloudWatch": ("cloudwatch",),
    "AWS::EC2": ("ec2",),
    "AWS::ECR": ("ecr",),
    "AWS::EKS": ("eks",),
    "AWS::Events": ("events",),
    "AWS::FSx": ("fsx",),
    "AWS::Grafana": ("grafana", "sso"),
    "AWS::IAM": (),
    "AWS::KMS": ("kms",),
    "AWS::Lambda": ("lambda",),
    "AWS::Logs": ("logs",),
    "AWS::RDS": ("rds",),
    "AWS::S3": ("s3",),
    "AWS::SNS": ("sns",),
    "AWS::SQS": ("sqs",),
    "AWS::SSM": ("ssm",),
    "AWS::SageMaker": ("sagemaker",),
    "AWS::SecretsManager": ("secretsmanager",),
    "AWS::StepFunctions": ("states",),
}
"""By the first two words of resource types that stacks hold, the services whose calls make them. IAM has statements of
its own, and `Custom::` types are functions that the stack made."""
_GLOBAL = ("budgets", "ce", "chatbot", "sso")
"""Services that answer in one region for all."""
PASSED_TO = (
    "application-autoscaling", "budgets", "chatbot", "ec2", "eks", "events", "fsx", "grafana", "lambda",
    "monitoring.rds", "pods.eks", "sagemaker", "scheduler", "states", "vpc-flow-logs",
)  # fmt: skip
"""Services that roles of the platform are for; ``.amazonaws.com`` follows."""
_ROLE = (
    "AttachRolePolicy", "DeleteRole", "DeleteRolePolicy", "DetachRolePolicy", "PutRolePolicy", "TagRole", "UntagRole",
    "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
)  # fmt: skip
_POLICY = (
    "CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion",
    "TagPolicy", "UntagPolicy",
)  # fmt: skip
_PROVIDER = tuple(f"{does}OpenIDConnectProvider" for does in ("Create", "Delete", "Get", "Tag", "Untag"))
_READ = ("Get*", "List*")
_NEVER = (
    "ec2:CreateFleet", "ec2:RequestSpot*", "ec2:RunInstances", "sagemaker:CreateDomain",
    "sagemaker:CreateNotebookInstance",
)  # fmt: skip
"""What no stack holds within its services, and what runs code with a role: a template that had it would be no change of
the platform."""


def execution(
    *, arn: str, name: str, region: str, services: Sequence[str], bounded: bool, deliveries: str
) -> list[Statement]:
    """Statements of the policy.

    Args:
        arn: Beginning of ARNs of IAM in the account, up to the colon before the resource.
        name: What the names of the environment's stacks begin with, for example ``trainyard-prod``; CloudFormation
            names what it makes after its stack.
        region: The only one.
        services: Prefixes of the services that the environment's stacks are made of.
        bounded: Whether no role can be made without one of the environment's boundaries.
        deliveries: Pattern of ARNs of stacks that deliver, whose resources no deployment may touch.
    """
    regional = sorted(set(services) - set(_GLOBAL))
    own = f"{arn}:role/{name}-*"
    boundary = {"Condition": {"ArnLike": {"iam:PermissionsBoundary": f"{arn}:policy/{name}-*"}}} if bounded else {}
    found: list[Statement] = [
        {"Sid": "Services", "Effect": "Allow", "Action": [f"{one}:*" for one in regional], "Resource": "*",
         "Condition": {"StringEquals": {"aws:RequestedRegion": region}}},
        {"Sid": "MakeRoles", "Effect": "Allow", "Resource": own, **boundary,
         "Action": ["iam:CreateRole", "iam:PutRolePermissionsBoundary"]},
        {"Sid": "Roles", "Effect": "Allow", "Action": [f"iam:{one}" for one in (*_READ, *_ROLE)], "Resource": own},
        {"Sid": "PassRoles", "Effect": "Allow", "Action": "iam:PassRole", "Resource": own,
         "Condition": {"StringEquals": {"iam:PassedToService": [f"{one}.amazonaws.com" for one in PASSED_TO]}}},
        {"Sid": "Policies", "Effect": "Allow", "Action": [f"iam:{one}" for one in (*_READ, *_POLICY)],
         "Resource": f"{arn}:policy/{name}-*"},
        # Issuers of EKS clusters in the region: whom they vouch for, roles say.
        {"Sid": "Issuers", "Effect": "Allow", "Action": [f"iam:{one}" for one in _PROVIDER],
         "Resource": f"{arn}:oidc-provider/oidc.eks.{region}.*"},
        {"Sid": "LinkedRoles", "Effect": "Allow", "Action": ["iam:CreateServiceLinkedRole", "iam:GetRole"],
         "Resource": f"{arn}:role/aws-service-role/*"},
        {"Sid": "Delivery", "Effect": "Deny", "Action": "iam:*",
         "Resource": [f"{arn}:role{PATH}*", f"{arn}:policy{PATH}*", f"{arn}:role/cdk-*", f"{arn}:policy/cdk-*",
                      f"{arn}:oidc-provider/{ISSUER}"]},
        {"Sid": "Never", "Effect": "Deny", "Action": list(_NEVER), "Resource": "*"},
        {"Sid": "Deliveries", "Effect": "Deny", "Action": "cloudformation:*", "Resource": deliveries},
    ]  # fmt: skip
    everywhere = sorted(set(services) & set(_GLOBAL))
    if everywhere:
        found.append({"Sid": "Everywhere", "Effect": "Allow", "Action": [f"{one}:*" for one in everywhere],
                      "Resource": "*"})  # fmt: skip
    if bounded:
        found.append({"Sid": "Boundaries", "Effect": "Deny", "Action": "iam:DeleteRolePermissionsBoundary",
                      "Resource": "*"})  # fmt: skip
    return found


class ExecutionPolicy(Construct):
    """The policy, for `cdk bootstrap --cloudformation-execution-policies`."""

    policy: iam.CfnManagedPolicy
    """Its ARN is the policy's reference."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, region: str, bounded: bool) -> None:
        """Build it.

        Args:
            scope: Parent, in a stack that no deployment of the environment touches.
            construct_id: Construct id.
            name: What the names of the environment's stacks begin with.
            region: The only one that is deployed into.
            bounded: Whether the environment's roles have boundaries.

        Raises:
            ContractError: The policy would be longer than IAM takes.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        statements = execution(
            arn=f"arn:{stack.partition}:iam::{stack.account}",
            name=name,
            region=region,
            services=sorted({service for found in SERVICES.values() for service in found}),
            bounded=bounded,
            deliveries=f"arn:{stack.partition}:cloudformation:{region}:{stack.account}:stack/{name}-delivery/*",
        )
        length = len(json.dumps(statements, separators=(",", ":")))
        if length > LONGEST:
            reject("name", length, f"a managed policy has at most {LONGEST} characters", "Take a shorter name.")
        self.policy = iam.CfnManagedPolicy(
            self,
            "Policy",
            managed_policy_name=f"{name}-execution",
            path=PATH,
            description="At most: what the stacks of one environment are made of",
            policy_document={"Version": "2012-10-17", "Statement": statements},
        )
