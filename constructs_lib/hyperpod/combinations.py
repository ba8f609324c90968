"""What does not go together in one cluster, whoever orchestrates it. What one orchestrator forbids is with it.

Sources, read 2026-11-22: CreateCluster, SageMaker API reference; "Spot instances in Amazon SageMaker HyperPod",
"Setting up SageMaker HyperPod clusters across multiple AZs", "Autoscaling on SageMaker HyperPod EKS" and "Create a
NodeClass", SageMaker AI Developer Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs_lib.hyperpod.capacity import Spot, TrainingPlan
from constructs_lib.hyperpod.duties import Compute
from ml_contract.errors import reject

if TYPE_CHECKING:
    from constructs_lib.hyperpod.groups import InstanceGroup
    from constructs_lib.hyperpod.settings import ClusterSettings

KEPT = frozenset({"Cluster", "Database", "DatabaseGroup", "DatabaseSecret", "FirstAddOns", "Lifecycle", "ScalingRole"})
"""Ids of what a cluster has beside its groups."""


def check(settings: ClusterSettings) -> None:
    """Refuse what HyperPod would refuse, or would do otherwise than asked.

    Raises:
        ContractError: With the field and the way out.
    """
    _check_names(settings)
    _check_duties(settings)
    _check_minimums(settings)
    _check_capacity(settings)
    _check_zones(settings)
    _check_autoscaling(settings)


def _check_names(settings: ClusterSettings) -> None:
    names = [group.name for group in settings.groups]
    # Logical ids, file names and node names are made of them, and not all of those know upper from lower case.
    folded = [name.lower() for name in names]
    for name in names:
        if name in KEPT:
            reject("groups.name", name, "something else of the cluster has this name in its stack",
                   f"Write it {name.lower()}.")  # fmt: skip
        if folded.count(name.lower()) > 1:
            reject("groups.name", name, f"groups have different names, and these are {', '.join(names)}", "Rename one.")


def _check_duties(settings: ClusterSettings) -> None:
    kinds = {group.duty.orchestrator for group in settings.groups}
    if len(kinds) > 1:
        reject("groups.duty", sorted(kinds), "all groups belong to one orchestrator",
               "Take KubernetesNode for all, or Controller, Login and Compute.")  # fmt: skip


def _check_minimums(settings: ClusterSettings) -> None:
    for group in settings.groups:
        if group.minimum is not None and settings.provisioning != "Continuous":
            reject(f"groups.{group.name}.minimum", group.minimum,
                   f"with {settings.provisioning} every instance must come, or the operation is rolled back",
                   'Leave it out, or take provisioning="Continuous".')  # fmt: skip


def _check_capacity(settings: ClusterSettings) -> None:
    for group in settings.groups:
        if isinstance(group.capacity, Spot) and settings.provisioning != "Continuous":
            reject("provisioning", settings.provisioning, f"spot instances (group {group.name}) come and go, which "
                   "HyperPod bears with continuous provisioning only", 'Take provisioning="Continuous".')  # fmt: skip
        if isinstance(group.capacity, TrainingPlan) and settings.zone_of(group) != group.capacity.zone:
            reject(f"groups.{group.name}.zone", settings.zone_of(group),
                   f"its plan reserved instances in {group.capacity.zone}, and a group whose instances are asked for "
                   "elsewhere is rolled back", f'Give zone="{group.capacity.zone}".')  # fmt: skip


def _check_zones(settings: ClusterSettings) -> None:
    """EFA does not cross zones: a partition whose jobs use it is of one."""
    first: dict[str, InstanceGroup] = {}
    for group in settings.groups:
        if not isinstance(group.duty, Compute) or not group.efa:
            continue
        other = first.setdefault(group.duty.partition, group)
        if settings.zone_of(other) != settings.zone_of(group):
            reject(f"groups.{group.name}.zone", settings.zone_of(group), f"EFA does not cross zones, and {other.name} "
                   f"of the same partition is in {settings.zone_of(other)}",
                   "Give it a partition of its own.")  # fmt: skip


def _check_autoscaling(settings: ClusterSettings) -> None:
    if settings.autoscaling is None:
        return
    for field, value, wanted in (
        ("provisioning", settings.provisioning, "Continuous"), ("recovery", settings.recovery, "Automatic"),
    ):  # fmt: skip
        if value != wanted:
            reject(field, value, f"Karpenter scales clusters with {wanted} alone",
                   f'Give {field}="{wanted}", or leave autoscaling out.')  # fmt: skip
    known = {group.name: group for group in settings.groups}
    for name in settings.autoscaling.scaled:
        if name not in known:
            reject("autoscaling.node_classes", name, f"the groups are {', '.join(known)}", "Correct it.")
        _check_scaled(known[name])


def _check_scaled(group: InstanceGroup) -> None:
    for wrong, field, got, rule, way_out in (
        (group.duty.orchestrator != "Eks", "duty", type(group.duty).__name__, "Karpenter scales nodes of EKS alone",
         "Leave autoscaling out."),
        (group.count != 0, "count", group.count, "a scaled group begins at 0: Karpenter would end what is there",
         "Give count=0."),
        (isinstance(group.capacity, TrainingPlan), "capacity", type(group.capacity).__name__,
         "Karpenter takes instances on demand or spot", "Take OnDemand or Spot, or scale another group."),
        (bool(group.deep_checks), "deep_checks", group.deep_checks,
         "pods that wait for an instance would wait for hours", "Leave them out."),
    ):  # fmt: skip
        if wrong:
            reject(f"groups.{group.name}.{field}", got, rule, way_out)
