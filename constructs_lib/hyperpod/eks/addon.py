"""What all add-ons of EKS share: a build, values, and pods that call AWS."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from aws_cdk import aws_iam as iam
from pydantic import model_validator

from constructs_lib.hyperpod.eks import versions
from constructs_lib.values import Value


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The pods of an add-on that call AWS."""

    namespace: str
    service_account: str
    statements: tuple[iam.PolicyStatement, ...]
    """What they may do."""


class AddOn(Value, ABC):
    """An add-on of EKS."""

    name: ClassVar[str]
    """As EKS names it."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Add-ons that it stands on, by their names."""
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

    def identities(self, cluster_arn: str, /) -> tuple[Identity, ...]:  # noqa: ARG002
        """Its pods that call AWS.

        Args:
            cluster_arn: Of the HyperPod cluster, which add-ons that need nodes come after.
        """
        return ()
