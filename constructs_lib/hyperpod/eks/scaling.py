"""Manifests for the Karpenter that HyperPod runs: which groups it fills, and what it may make of them.

HyperPod has no API for them, and makes none itself: they are applied like a job's manifest.

Sources, read 2026-11-22: "Create a NodeClass" and "Create a NodePool", SageMaker AI Developer Guide; Karpenter 1.14,
CRD of NodePool; "Disruption", Karpenter documentation.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod.autoscaling import MOST_GROUPS
from constructs_lib.hyperpod.eks.manifest import Manifest, check
from constructs_lib.hyperpod.settings import ClusterSettings
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

NAME = r"^[a-z0-9](-*[a-z0-9]){0,62}$"
TYPE, ZONE = "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone"


class ScaledPool(Value):
    """Groups that grow with pending pods, and shrink when their nodes are empty."""

    name: str = Field(pattern=NAME)
    """Name of node class and pool."""
    groups: tuple[str, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """Groups of the cluster that it fills."""
    accelerators: int = Field(ge=0)
    """Most accelerators of all its nodes together, which bounds the costs; 0 for nodes without any."""
    vcpus: int = Field(ge=1)
    """Most virtual processors of all its nodes together."""
    empty_s: int = Field(ge=0)
    """Seconds that a node stays empty before it goes."""
    consolidate: Literal["WhenEmpty", "WhenEmptyOrUnderutilized"] = "WhenEmpty"
    """Whether pods are moved to empty nodes. By default they are not: a moved rank stops a job of many hosts."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.groups:
            if self.groups.count(name) > 1:
                reject("groups", name, "a group is named once", "Remove the repetition.")
        return self

    def check(self, settings: ClusterSettings) -> None:
        """Hold the pool against its cluster.

        Raises:
            ContractError: A group is not scaled there, or the limits do not hold one of its nodes.
        """
        scaled = settings.autoscaling.groups if settings.autoscaling else ()
        for name in self.groups:
            if name not in scaled:
                reject("groups", name, f"the cluster's autoscaling has {', '.join(scaled) or 'no groups'}",
                       "Name it in Karpenter(groups=…) of the cluster too.")  # fmt: skip
            for type_name in settings.group(name).hosts.types:
                entry = instance(type_name)
                if entry.vcpus > self.vcpus:
                    reject("vcpus", self.vcpus, f"one {type_name} has {entry.vcpus}", "Raise it.")
                if entry.accelerators > self.accelerators:
                    reject("accelerators", self.accelerators, f"one {type_name} has {entry.accelerators}", "Raise it.")

    def manifests(self, settings: ClusterSettings) -> list[Manifest]:
        """NodeClass and NodePool, held against their schemas.

        Args:
            settings: The cluster.

        Raises:
            ContractError: See `check`.
        """
        self.check(settings)
        types = sorted({name for group in self.groups for name in settings.group(group).hosts.types})
        zones = sorted({settings.zone_of(settings.group(group)) for group in self.groups})
        limits: dict[str, Any] = {"cpu": self.vcpus}
        if self.accelerators:
            limits["nvidia.com/gpu"] = self.accelerators
        node_class = {
            "apiVersion": "karpenter.sagemaker.amazonaws.com/v1",
            "kind": "HyperpodNodeClass",
            "metadata": {"name": self.name},
            "spec": {"instanceGroups": list(self.groups)},
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
                            "name": self.name,
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
