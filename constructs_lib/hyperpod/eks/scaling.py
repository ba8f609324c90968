"""Manifests for the Karpenter that HyperPod runs: which groups it fills, and what it may make of them.

HyperPod has no API for them, and makes none itself: they are applied like a job's manifest.

Sources, read 2026-11-22: "Create a NodeClass" and "Create a NodePool", SageMaker AI Developer Guide; Karpenter 1.14,
CRD of NodePool; "Disruption", Karpenter documentation.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from constructs_lib.hyperpod.autoscaling import NodeClass
from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.hyperpod.groups import MOST_INSTANCES
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import InstanceType

NAME = r"^[a-z0-9](-*[a-z0-9]){0,62}$"
TYPE, ZONE = "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone"


class ScaledPool(Value):
    """What Karpenter may make of a node class: it grows with pending pods, and shrinks when its nodes are empty."""

    name: str = Field(pattern=NAME)
    """Name of the pool."""
    node_class: str
    """Name of a node class of the cluster's autoscaling, whose groups it fills."""
    accelerators: int = Field(ge=0)
    """Most accelerators of all its nodes together, which bounds the costs; 0 for nodes without any."""
    vcpus: int = Field(ge=1)
    """Most virtual processors of all its nodes together."""
    empty_s: int = Field(ge=0)
    """Seconds that a node stays empty before it goes."""
    consolidate: Literal["WhenEmpty", "WhenEmptyOrUnderutilized"] = "WhenEmpty"
    """Whether pods are moved to empty nodes. By default they are not: a moved rank stops a job of many hosts."""

    def check(self, settings: ClusterSettings) -> NodeClass:
        """Hold the pool against its cluster, and give the node class that it fills.

        Raises:
            ContractError: The cluster has no such node class, or the limits do not hold one of its nodes.
        """
        known = {one.name: one for one in settings.autoscaling.node_classes} if settings.autoscaling else {}
        if self.node_class not in known:
            reject("node_class", self.node_class, f"the cluster's autoscaling has {', '.join(known) or 'none'}",
                   "Give the cluster autoscaling=Karpenter(node_classes=(NodeClass(…),)).")  # fmt: skip
        found = known[self.node_class]
        for name in found.groups:
            for entry in settings.group(name).hosts.entries:
                if entry.vcpus > self.vcpus:
                    reject("vcpus", self.vcpus, f"one {entry.name} has {entry.vcpus}", "Raise it.")
                if entry.accelerators > self.accelerators:
                    reject("accelerators", self.accelerators, f"one {entry.name} has {entry.accelerators}", "Raise it.")
        return found

    def most(self, entry: InstanceType) -> int:
        """Most nodes of one type, within the limits and HyperPod's own."""
        most = min(self.vcpus // entry.vcpus, MOST_INSTANCES)
        return min(most, self.accelerators // entry.accelerators) if entry.accelerators else most

    def manifests(self, settings: ClusterSettings) -> list[Manifest]:
        """NodeClass and NodePool, held against their schemas.

        Args:
            settings: The cluster.

        Raises:
            ContractError: See `check`.
        """
        groups = self.check(settings).groups
        types = sorted({name for group in groups for name in settings.group(group).hosts.types})
        zones = sorted({settings.zone_of(settings.group(group)) for group in groups})
        limits: dict[str, Any] = {"cpu": self.vcpus}
        if self.accelerators:
            limits["nvidia.com/gpu"] = self.accelerators
        node_class = {
            "apiVersion": "karpenter.sagemaker.amazonaws.com/v1",
            "kind": "HyperpodNodeClass",
            "metadata": {"name": self.node_class},
            "spec": {"instanceGroups": list(groups)},
        }
        pool = {
            "apiVersion": "karpenter.sh/v1",
            "kind": "NodePool",
            "metadata": {"name": self.name},
            "spec": {
                "template": {
                    "spec": {
                        "nodeClassRef": {
                            "group": "karpenter.sagemaker.amazonaws.com",
                            "kind": "HyperpodNodeClass",
                            "name": self.node_class,
                        },
                        # HyperPod renews its images itself, by the group's patching.
                        "expireAfter": "Never",
                        "requirements": [
                            {"key": TYPE, "operator": "In", "values": types},
                            {"key": ZONE, "operator": "In", "values": zones},
                        ],
                    }
                },
                "disruption": {"consolidationPolicy": self.consolidate, "consolidateAfter": f"{self.empty_s}s"},
                "limits": limits,
            },
        }
        return [check(node_class), check(pool)]
