"""Parameters of AWS Systems Manager that tell people and other apps where things are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

_READ = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath")


class PublishedParameters(Construct):
    """One parameter a value, below one path. They hold names and addresses, never a secret."""

    def __init__(
        self, scope: Construct, construct_id: str, *, path: str, values: Mapping[str, str | Sequence[str]]
    ) -> None:
        """Publish the values.

        Args:
            scope: Parent.
            construct_id: Construct id.
            path: What all names start with, for example ``/trainyard/dev``.
            values: Values by the rest of their names; a sequence becomes a list.
        """
        super().__init__(scope, construct_id)
        self.path = path
        for name, value in values.items():
            full, child = f"{path}/{name}", name.replace("/", "-")
            if isinstance(value, str):
                ssm.StringParameter(self, child, parameter_name=full, string_value=value)
            else:
                ssm.StringListParameter(self, child, parameter_name=full, string_list_value=list(value))

    def grant_read(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` read all of them and no other."""
        stack = cdk.Stack.of(self)
        arn = f"arn:{stack.partition}:ssm:{stack.region}:{stack.account}:parameter{self.path}"
        identity.grant_principal.add_to_principal_policy(
            # Reading by path is authorised on the path itself, without what lies below.
            iam.PolicyStatement(actions=list(_READ), resources=[arn, f"{arn}/*"])
        )
