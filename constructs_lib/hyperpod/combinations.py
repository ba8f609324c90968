"""What does not go together in one cluster, whoever orchestrates it. What one orchestrator forbids is with it, as what
Karpenter asks of groups is (``autoscaling``).

Sources, read 2026-11-22: CreateCluster, SageMaker API reference; "Spot instances in Amazon SageMaker HyperPod" and
"Setting up SageMaker HyperPod clusters across multiple AZs", SageMaker AI Developer Guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_lib.hyperpod.capacity import Spot, TrainingPlan
from constructs_lib.hyperpod.duties import Compute
from constructs_lib.hyperpod.groups import InstanceGroup
from ml_contract.errors import reject

KEPT = frozenset({"Cluster", "Database", "DatabaseGroup", "DatabaseSecret", "FirstAddOns", "Lifecycle", "ScalingRole"})
"""Ids of what a cluster has beside its groups."""


def check(groups: Sequence[InstanceGroup], *, provisioning: str, zones: Mapping[str, str]) -> None:
    """Refuse what HyperPod would refuse, or would do otherwise than asked.

    Args:
        groups: The cluster's groups.
        provisioning: How it gets its instances.
        zones: Of its groups' instances, by the groups' names.

    Raises:
        ContractError: With the field and the way out.
    """
    _check_names(groups)
    _check_duties(groups)
    _check_minimums(groups, provisioning)
    _check_capacity(groups, provisioning, zones)
    _check_zones(groups, zones)


def _check_names(groups: Sequence[InstanceGroup]) -> None:
    names = [group.name for group in groups]
    # Logical ids, file names and node names are made of them, and not all of those know upper from lower case.
    folded = [name.lower() for name in names]
    for name in names:
        if name in KEPT:
            reject("groups.name", name, "something else of the cluster has this name in its stack",
                   f"Write it {name.lower()}.")  # fmt: skip
        if folded.count(name.lower()) > 1:
            reject("groups.name", name, f"groups have different names, and these are {', '.join(names)}", "Rename one.")


def _check_duties(groups: Sequence[InstanceGroup]) -> None:
    kinds = {group.duty.orchestrator for group in groups}
    if len(kinds) > 1:
        reject("groups.duty", sorted(kinds), "all groups belong to one orchestrator",
               "Take KubernetesNode for all, or Controller, Login and Compute.")  # fmt: skip


def _check_minimums(groups: Sequence[InstanceGroup], provisioning: str) -> None:
    for group in groups:
        if group.minimum is not None and provisioning != "Continuous":
            reject(f"groups.{group.name}.minimum", group.minimum,
                   f"with {provisioning} every instance must come, or the operation is rolled back",
                   'Leave it out, or take provisioning="Continuous".')  # fmt: skip


def _check_capacity(groups: Sequence[InstanceGroup], provisioning: str, zones: Mapping[str, str]) -> None:
    for group in groups:
        if isinstance(group.capacity, Spot) and provisioning != "Continuous":
            reject("provisioning", provisioning, f"spot instances (group {group.name}) come and go, which "
                   "HyperPod bears with continuous provisioning only", 'Take provisioning="Continuous".')  # fmt: skip
        if isinstance(group.capacity, TrainingPlan) and zones[group.name] != group.capacity.zone:
            reject(f"groups.{group.name}.zone", zones[group.name],
                   f"its plan reserved instances in {group.capacity.zone}, and a group whose instances are asked for "
                   "elsewhere is rolled back", f'Give zone="{group.capacity.zone}".')  # fmt: skip


def _check_zones(groups: Sequence[InstanceGroup], zones: Mapping[str, str]) -> None:
    """EFA does not cross zones: a partition whose jobs use it is of one."""
    first: dict[str, InstanceGroup] = {}
    for group in groups:
        if not isinstance(group.duty, Compute) or not group.efa:
            continue
        other = first.setdefault(group.duty.partition, group)
        if zones[other.name] != zones[group.name]:
            reject(f"groups.{group.name}.zone", zones[group.name], f"EFA does not cross zones, and {other.name} "
                   f"of the same partition is in {zones[other.name]}",
                   "Give it a partition of its own.")  # fmt: skip
