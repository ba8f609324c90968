"""Amazon EKS as a cluster's orchestrator.

Sources, read 2026-11-22: "Getting started with Amazon EKS support in SageMaker HyperPod", "Setting up SageMaker
HyperPod with a custom Amazon VPC" (pods of a node), SageMaker AI Developer Guide.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from constructs import Construct
from pydantic import SkipValidation, model_validator

from constructs_lib.hyperpod.eks.addon import AddOn, AddOnBinding
from constructs_lib.hyperpod.eks.addons import VpcCni, check
from constructs_lib.hyperpod.eks.control_plane import ControlPlane
from constructs_lib.hyperpod.eks.installed import InstalledAddOns
from constructs_lib.hyperpod.eks.versions import check_skew
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.hyperpod.orchestrators.base import ClusterBinding, Orchestrator, OrchestratorConfig
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.network import PODS, Network, Nodes
from ml_contract.errors import reject
from ml_contract.partitions import LABEL, profiles


class Eks(Orchestrator):
    """Instances join a control plane that is there, with the charts that HyperPod needs in it."""

    kind: ClassVar[Literal["Slurm", "Eks"]] = "Eks"

    control_plane: Annotated[ControlPlane, SkipValidation]
    """The control plane, of a stack before the cluster's: between the two somebody installs the charts."""
    addons: tuple[AddOn, ...]
    """All add-ons; those that need nodes are for ``install_after``."""
    nodes_version: str | None = None
    """Kubernetes version of the nodes' image, where it is pinned; by default that of the control plane."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check(self.addons)
        if self.nodes_version is not None:
            check_skew(self.nodes_version, self.control_plane.settings.version, field="nodes_version")
        return self

    def check(self, settings: ClusterSettings) -> None:
        super().check(settings)
        for group in settings.groups:
            reserved = [key for key in getattr(group.duty, "labels", {}) if _is_reserved(key)]
            if reserved:
                reject(f"groups.{group.name}.duty.labels", reserved[0], "HyperPod and Kubernetes keep these themselves",
                       "Take a prefix of your own.")  # fmt: skip
            _check_divided(group)

    @property
    def cni(self) -> VpcCni:
        """The network plug-in, from which subnets are sized."""
        return next(addon for addon in self.addons if isinstance(addon, VpcCni))

    def admit(self, settings: ClusterSettings, network: Network) -> None:
        """Hold the pods of all nodes against the subnets, where they take more addresses than a cluster counts itself.

        Raises:
            ContractError: A zone's subnet is too small.
        """
        if self.cni.addresses_per_node <= PODS:
            return
        for zone in dict.fromkeys(settings.zone_of(group) for group in settings.groups):
            place = max(network.places(zone), key=lambda one: one.room, default=None)
            if place is None:
                continue
            nodes = [
                Nodes(instance_type=max(group.hosts.entries, key=lambda entry: entry.efa_interfaces).name,
                      count=group.count, interface=group.interface or "efa", pods=self.cni.addresses_per_node)
                for group in settings.groups
                if group.count and settings.zone_of(group) == zone
            ]  # fmt: skip
            place.admit("addons.vpc-cni.pods_per_node", nodes)

    def bind(self, scope: Construct, binding: ClusterBinding) -> OrchestratorConfig:
        self.admit(binding.settings, binding.network)
        given = AddOnBinding(control_plane=self.control_plane, network=binding.network, cluster_arn="",
                             key=binding.key, removal=binding.removal)  # fmt: skip
        first = InstalledAddOns(scope, "FirstAddOns", binding=given,
                                addons=[addon for addon in self.addons if addon.before_nodes])  # fmt: skip
        return OrchestratorConfig(
            orchestrator={"eks": {"clusterArn": self.control_plane.arn}},
            # What HyperPod's image does when it joins a control plane is all that it needs.
            lifecycle=None,
            after=(self.control_plane, first),
        )

    def install_after(
        self, scope: Construct, construct_id: str, *, cluster: Construct, binding: AddOnBinding
    ) -> InstalledAddOns:
        """Install what needs nodes, after a cluster.

        Args:
            scope: Parent.
            construct_id: Construct id.
            cluster: The HyperPod cluster.
            binding: What the add-ons work with.
        """
        return InstalledAddOns(scope, construct_id, binding=binding, after=[cluster],
                               addons=[addon for addon in self.addons if not addon.before_nodes])  # fmt: skip


def _check_divided(group: InstanceGroup) -> None:
    """Accelerators that nodes divide ("Using GPU partitions in Amazon SageMaker HyperPod", read 2026-11-22)."""
    asked = getattr(group.duty, "labels", {}).get(LABEL)
    if asked is None:
        return
    if len(group.hosts.types) > 1:
        reject(f"groups.{group.name}.hosts", group.hosts.types, f"nodes with the label {LABEL} are of one type",
               "Take OneType.")  # fmt: skip
    if not profiles(group.hosts.entries[0]):
        reject(f"groups.{group.name}.duty.labels.{LABEL}", asked,
               f"accelerators of {group.hosts.types[0]} cannot be divided", "Leave it out.")  # fmt: skip


def _is_reserved(key: str) -> bool:
    prefix = key.rpartition("/")[0]
    return prefix == "sagemaker.amazonaws.com" or prefix.endswith(("kubernetes.io", "k8s.io"))
