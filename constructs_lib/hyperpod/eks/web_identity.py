"""Roles of pods by the tokens of their cluster's own issuer, for an add-on that knows no pod identity.

A role's trust asks for claims whose names begin with the issuer, and the issuer's name is known when the control plane
is there: a key of a JSON object that no function can stand for. So the trust is JSON as text, which CloudFormation
takes for the property as it takes an object: docs/decisions/0031-trust-as-text.md.

Sources, read 2026-11-22: "IAM roles for service accounts" and "Create an IAM OIDC provider for your cluster", EKS User
Guide; AWS::IAM::Role (AssumeRolePolicyDocument: Json) and AWS::IAM::OIDCProvider (without thumbprints IAM fetches
them), CloudFormation; aws-cloudformation/cloudformation-coverage-roadmap#1139 (text by a function, in use).
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.hyperpod.eks.control_plane import ControlPlane

AUDIENCE = "sts.amazonaws.com"
"""Whom the tokens of pods are for."""
_ASSUME = "sts:AssumeRoleWithWebIdentity"


class WebIdentities(Construct):
    """The issuer of a control plane as a provider of identities, and roles that its pods take. One a control plane:
    an account knows an issuer once."""

    provider: iam.CfnOIDCProvider

    def __init__(self, scope: Construct, construct_id: str, *, control_plane: ControlPlane) -> None:
        """Make the issuer known to IAM.

        Args:
            scope: Parent.
            construct_id: Construct id.
            control_plane: The cluster of the pods.
        """
        super().__init__(scope, construct_id)
        issuer = control_plane.resource.attr_open_id_connect_issuer_url
        self.provider = iam.CfnOIDCProvider(self, "Provider", url=issuer, client_id_list=[AUDIENCE])
        # The issuer's own address is of another stack, whose outputs Fn::Split does not take.
        self._host = cdk.Fn.select(1, cdk.Fn.split("oidc-provider/", self.provider.attr_arn))

    def role(
        self,
        construct_id: str,
        *,
        namespace: str,
        service_account: str,
        name: str | None = None,
        path: str | None = None,
        passed_to: str | None = None,
    ) -> iam.Role:
        """A role without rights for the pods of one service account.

        Args:
            construct_id: Construct id.
            namespace: Namespace of the service account.
            service_account: Its name.
            name: The role's, where somebody asks for it; CloudFormation's by default.
            path: Where the role is among roles; ``/`` by default.
            passed_to: Service that takes the role too, because the pods hand it over; none by default.
        """
        stack = cdk.Stack.of(self)
        statements: list[dict[str, Any]] = [
            {
                "Effect": "Allow",
                "Principal": {"Federated": self.provider.attr_arn},
                "Action": _ASSUME,
                "Condition": {
                    "StringEquals": {
                        f"{self._host}:aud": AUDIENCE,
                        f"{self._host}:sub": f"system:serviceaccount:{namespace}:{service_account}",
                    }
                },
            }
        ]
        if passed_to is not None:
            statements.append({"Effect": "Allow", "Principal": {"Service": passed_to}, "Action": "sts:AssumeRole"})
        role = iam.Role(self, construct_id, role_name=name, path=path,
                        assumed_by=iam.FederatedPrincipal(self.provider.attr_arn, {}, _ASSUME),
                        description=f"Pods of {service_account} in {namespace}")  # fmt: skip
        resource = role.node.default_child
        assert isinstance(resource, iam.CfnRole)
        trust = stack.to_json_string({"Version": "2012-10-17", "Statement": statements})
        # What CDK's principals write has claims under keys that are known at synth.
        resource.assume_role_policy_document = trust
        return role
