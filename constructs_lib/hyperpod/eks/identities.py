"""Roles of pods by EKS Pod Identity: they start empty, and hold for one service account of one cluster.

An association stands by itself and not inside an add-on: the training operator's build refuses the latter.

Source: "Learn how EKS Pod Identity grants pods access to AWS services" (trust, and the tags of a session), EKS User
Guide, read 2026-11-22.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_eks as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.manifest import Manifest, check


class PodIdentity(Construct):
    """A role for the pods of one service account."""

    role: iam.Role
    resource: eks.CfnPodIdentityAssociation

    def __init__(
        self, scope: Construct, construct_id: str, *, control_plane: ControlPlane, namespace: str, service_account: str
    ) -> None:
        """Build role and association.

        Args:
            scope: Parent.
            construct_id: Construct id.
            control_plane: The cluster of the pods, whose pod identity agent must run.
            namespace: Namespace of the service account.
            service_account: Its name; it may come later.
        """
        super().__init__(scope, construct_id)
        self.namespace, self.service_account = namespace, service_account
        account = cdk.Stack.of(self).account
        principal = iam.ServicePrincipal(
            "pods.eks.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": account},
                "ArnEquals": {"aws:SourceArn": control_plane.arn},
            },
        )
        self.role = iam.Role(self, "Role", assumed_by=principal.with_session_tags(),
                             description=f"Pods of {service_account} in {namespace}")  # fmt: skip
        self.resource = eks.CfnPodIdentityAssociation(
            self, "Resource", cluster_name=control_plane.name, namespace=namespace, service_account=service_account,
            role_arn=self.role.role_arn,
        )  # fmt: skip

    def manifest(self) -> Manifest:
        """The service account, for namespaces that no chart fills."""
        return check(
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": self.service_account, "namespace": self.namespace},
            }
        )
