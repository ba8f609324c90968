"""Roles of a pipeline outside of AWS: one that deploys, one that looks.

Both may do one thing: take the roles that CDK's bootstrap left for the same region and qualifier. What a deployment may
do is CloudFormation's role's, and what may be looked at is the look-up role's.

Source: roles and their names, CDK's bootstrap template version 33 (`cdk bootstrap --show-template`), read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.delivery.settings import GitHub
from constructs_lib.delivery.trust import claims, trust

PATH = "/delivery/"
"""Where roles and policies of delivery are: outside of the names that an environment's own stacks may touch."""
DEPLOYS = ("deploy", "file-publishing", "image-publishing", "lookup")
"""The bootstrap's roles that `cdk deploy` takes."""
LOOKS = ("lookup",)


class DeliveryRoles(Construct):
    """The provider and both roles."""

    deploys: iam.CfnRole
    """Role of jobs that deploy."""
    looks: iam.CfnRole
    """Role of jobs that look."""

    def __init__(
        self, scope: Construct, construct_id: str, *, github: GitHub, name: str, region: str, qualifier: str
    ) -> None:
        """Build them.

        Args:
            scope: Parent, in a stack of the account that is deployed into.
            construct_id: Construct id.
            github: Who is trusted.
            name: Beginning of the roles' names, for example ``trainyard-prod``.
            region: The only one that is deployed into.
            qualifier: Of the bootstrap.
        """
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        account_arn = f"arn:{stack.partition}:iam::{stack.account}"
        provider = github.provider.bind(self, account_arn)

        def role(part: str, environment: str, workflow: str | None, taken: tuple[str, ...]) -> iam.CfnRole:
            wanted = claims(github.repository, environment=environment, branch=github.branch, workflow=workflow)
            roles = [f"{account_arn}:role/cdk-{qualifier}-{one}-role-{stack.account}-{region}" for one in taken]
            return iam.CfnRole(
                self,
                part.capitalize(),
                role_name=f"{name}-{part}",
                path=PATH,
                description=f"GitHub Actions of {github.repository.full_name}, environment {environment}",
                assume_role_policy_document=trust(provider, wanted),
                max_session_duration=github.session_hours * 3600,
                policies=[iam.CfnRole.PolicyProperty(policy_name="bootstrap", policy_document=_takes(roles))],
            )

        self.deploys = role("deploy", github.deploys, github.workflow, DEPLOYS)
        self.looks = role("look", github.looks, None, LOOKS)


def _takes(roles: list[str]) -> Mapping[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}
    return {"Version": "2012-10-17", "Statement": [statement]}
