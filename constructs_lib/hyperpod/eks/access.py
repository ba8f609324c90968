"""Who may do what with a cluster's API: access entries, and no ConfigMap.

HyperPod makes the entries of its nodes' roles and of its service-linked role itself, and takes them away with the
cluster: an entry of this app would be in its way.

Sources, read 2026-11-22: ClusterMetadata (EksRoleAccessEntries, SlrAccessEntry), SageMaker API reference; "Review
access policy permissions" and "Create access entries", EKS User Guide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import aws_cdk as cdk
from pydantic import Field, field_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

_NAMESPACE = r"^[a-z0-9*](-*[a-z0-9*]){0,62}$"


class AccessEntry(Value, ABC):
    """What one IAM principal may do."""

    policy: ClassVar[str]
    """Name of EKS's access policy."""

    principal: str = Field(min_length=1)
    """ARN of an IAM role or user; a person's session has the role's."""

    @field_validator("principal")
    @classmethod
    def _check_principal(cls, value: str) -> str:
        if cdk.Token.is_unresolved(value):
            return value
        if ":iam::" not in value or not (":role/" in value or ":user/" in value) or "*" in value:
            reject("", value, "an entry is for one IAM role or user", "Write arn:aws:iam::…:role/….")
        return value

    @abstractmethod
    def scope(self) -> dict[str, Any]:
        """Where the policy holds, by the names of CDK."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of Kubernetes that the principal is in, beside the policy; none by default."""
        return ()

    def render(self) -> dict[str, Any]:
        """AccessPolicies of the entry, by the names of CDK."""
        arn = f"arn:{cdk.Aws.PARTITION}:eks::aws:cluster-access-policy/{self.policy}"
        return {"policyArn": arn, "accessScope": self.scope()}


class Administrator(AccessEntry):
    """Everything in the cluster: for whoever installs charts."""

    policy = "AmazonEKSClusterAdminPolicy"

    def scope(self) -> dict[str, Any]:
        return {"type": "cluster"}


class Viewer(AccessEntry):
    """Reads everything but secrets."""

    policy = "AmazonEKSViewPolicy"

    def scope(self) -> dict[str, Any]:
        return {"type": "cluster"}


def team_group(namespace: str) -> str:
    """The group of Kubernetes whose members submit jobs in a namespace."""
    return f"trainyard:{namespace}"


class Scientist(AccessEntry):
    """Edits what is in some namespaces, and submits jobs there: by the roles of ``team_role``, for EKS's policies know
    Kubernetes' own kinds alone."""

    policy = "AmazonEKSEditPolicy"

    namespaces: tuple[str, ...] = Field(min_length=1, max_length=20)
    """The namespaces, for example ``hyperpod-ns-research``."""

    @field_validator("namespaces")
    @classmethod
    def _check_namespaces(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name in ("*", "kube-system", "aws-hyperpod"):
                reject("", name, "what is there runs the cluster", "Name the namespaces of a team.")
        return value

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(map(team_group, self.namespaces))

    def scope(self) -> dict[str, Any]:
        return {"type": "namespace", "namespaces": list(self.namespaces)}
