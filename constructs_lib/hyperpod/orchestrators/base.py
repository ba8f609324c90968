"""What all orchestrators share: pure rules first, then what they bind to a cluster."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IDependable

from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.lifecycle import Lifecycle
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.hyperpod.storage import FileSystem
from constructs_lib.network import Network
from constructs_lib.values import Value
from ml_contract.errors import reject


@dataclass(frozen=True, kw_only=True)
class ClusterBinding:
    """What a cluster gives to its orchestrator."""

    settings: ClusterSettings
    roles: Mapping[str, iam.Role]
    """Role of each group's instances, by the group's name, to which the orchestrator's needs are granted."""
    network: Network
    group: ec2.ISecurityGroup
    """Group of the instances' network interfaces."""
    key: kms.IKey
    """Key of what the orchestrator keeps."""
    file_systems: Mapping[str, FileSystem]
    """What groups mount, by name."""
    removal: cdk.RemovalPolicy
    """What happens to what the orchestrator keeps when the stack goes."""


@dataclass(frozen=True, kw_only=True)
class OrchestratorConfig:
    """What an orchestrator gives to its cluster."""

    orchestrator: dict[str, Any] | None
    """``Orchestrator`` of the cluster, by the names of CDK; None: the property is left out."""
    lifecycle: Lifecycle | None
    """Scripts that run on every instance when it is made; None: the image's own."""
    after: tuple[IDependable, ...] = field(default=())
    """What must be there before the cluster, and outlive it."""


class Orchestrator(Value):
    """A way to give work to instances."""

    kind: ClassVar[Literal["Slurm", "Eks"]]

    def check(self, settings: ClusterSettings) -> None:
        """Refuse what this orchestrator cannot run. An override begins with this one.

        Raises:
            ContractError: With the field and the way out.
        """
        for group in settings.groups:
            if group.duty.orchestrator != self.kind:
                reject(f"groups.{group.name}.duty", type(group.duty).__name__,
                       f"the orchestrator is {type(self).__name__}",
                       "Take KubernetesNode." if self.kind == "Eks" else "Take Controller, Login or Compute.",
                )  # fmt: skip

    def render_group(self, group: InstanceGroup) -> dict[str, Any]:
        """What the group's duty adds to its properties, by the names of CDK."""
        return group.duty.render()

    @abstractmethod
    def bind(self, scope: Construct, binding: ClusterBinding) -> OrchestratorConfig:
        """Make what this orchestrator needs, below ``scope``, before the cluster."""
