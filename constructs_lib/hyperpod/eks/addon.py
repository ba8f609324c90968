"""What all add-ons of EKS share: a build, values, and pods that call AWS."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IDependable
from pydantic import model_validator

from constructs_lib.hyperpod.eks import versions
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.identities import PodIdentity
from constructs_lib.network import Network
from constructs_lib.values import Value


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The pods of an add-on that call AWS."""

    namespace: str
    service_account: str
    statements: tuple[iam.PolicyStatement, ...]
    """What they may do."""


@dataclass(frozen=True, kw_only=True)
class AddOnBinding:
    """What a cluster gives to its add-ons."""

    control_plane: ControlPlane
    """Where they run."""
    network: Network
    """Where their pods are."""
    cluster_arn: str
    """ARN of the HyperPod cluster that their rights are for; empty before there is one."""
    key: kms.IKey
    """Key of what they keep."""
    removal: cdk.RemovalPolicy
    """What happens to what they keep when the stack goes."""
    weights: s3.IBucket | None = None
    """Bucket of the models that are served; None: none is."""
    workspace_arn: str | None = None
    """ARN of the workspace of Amazon Managed Service for Prometheus that has the cluster's figures; None: none has."""


@dataclass(frozen=True, kw_only=True)
class AddOnConfig:
    """What an add-on is made of."""

    values: Mapping[str, Any]
    """Values that EKS is given; they may hold tokens."""
    after: Sequence[IDependable] = ()
    """What must be there before its pods start: they look for credentials once."""


class AddOn(Value, ABC):
    """An add-on of EKS."""

    name: ClassVar[str]
    """As EKS names it."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Add-ons that it stands on, by their names."""
    least: ClassVar[Mapping[str, str]] = {}
    """The oldest builds of these that it takes, by their names; any by default."""
    before_nodes: ClassVar[bool] = False
    """Whether it becomes active without a node: daemons do, what serves waits for one."""

    version: str | None = None
    """Another build than that of ``versions.ADDONS``."""

    @model_validator(mode="after")
    def _check_version(self) -> Self:
        if self.version is not None:
            versions.parts(self.version, field="version")
        return self

    def build(self, kubernetes: str) -> str | None:
        """The build for a version of Kubernetes; None: EKS's default."""
        return self.version or versions.ADDONS[kubernetes][self.name]

    def configuration(self) -> dict[str, Any]:
        """Values of the add-on; its own by default."""
        return {}

    def identities(self, binding: AddOnBinding, /) -> tuple[Identity, ...]:  # noqa: ARG002
        """Its pods that call AWS, by pod identity; none by default."""
        return ()

    def bind(self, scope: Construct, binding: AddOnBinding) -> AddOnConfig:
        """Make what it needs, below ``scope``: by default a role for each of its identities."""
        made = []
        for number, identity in enumerate(self.identities(binding)):
            pods = PodIdentity(
                scope, f"{self.name}-{number}", control_plane=binding.control_plane, namespace=identity.namespace,
                service_account=identity.service_account,
            )  # fmt: skip
            for statement in identity.statements:
                pods.role.add_to_policy(statement)
            made.append(pods)
        return AddOnConfig(values=self.configuration(), after=made)
