"""What does not go together in one cluster, whoever orchestrates it. What one orchestrator forbids is with it.

Sources, read 2026-11-22: CreateCluster, SageMaker API reference; "Spot instances in Amazon SageMaker HyperPod",
"Autoscaling on SageMaker HyperPod EKS" and "Create a NodeClass", SageMaker AI Developer Guide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs_lib.hyperpod.capacity import OnDemand, Spot
from ml_contract.errors import reject

if TYPE_CHECKING:
    from constructs_lib.hyperpod.settings import ClusterSettings


def check(settings: ClusterSettings) -> None:
    """Refuse what HyperPod would refuse, or would do otherwise than asked.

    Raises:
        ContractError: With the field and the way out.
    """
    _check_names(settings)
    _check_duties(settings)
    _check_spot(settings)
    _check_autoscaling(settings)


def _check_names(settings: ClusterSettings) -> None:
    names = [group.name for group in settings.groups]
    # Logical ids, file names and Slurm's node names are made of them, and not all know upper from lower case.
    folded = [name.lower() for name in names]
    for name in names:
        if folded.count(name.lower()) > 1:
            reject("groups.name", name, f"groups have different names, and these are {', '.join(names)}", "Rename one.")


def _check_duties(settings: ClusterSettings) -> None:
    kinds = {group.duty.orchestrator for group in settings.groups}
    if len(kinds) > 1:
        reject("groups.duty", sorted(kinds), "all groups belong to one orchestrator",
               "Take KubernetesNode for all, or Controller, Login and Compute.")  # fmt: skip


def _check_spot(settings: ClusterSettings) -> None:
    for group in settings.groups:
        if isinstance(group.capacity, Spot) and settings.provisioning != "Continuous":
            reject("provisioning", settings.provisioning, f"spot instances (group {group.name}) come and go, which "
                   "HyperPod bears with continuous provisioning only", 'Take provisioning="Continuous".')  # fmt: skip


def _check_autoscaling(settings: ClusterSettings) -> None:
    if settings.autoscaling is None:
        return
    for field, value, wanted in (
        ("provisioning", settings.provisioning, "Continuous"), ("recovery", settings.recovery, "Automatic"),
    ):  # fmt: skip
        if value != wanted:
            reject(field, value, "autoscaling stands on the other one", f'Give {field}="{wanted}".')
    known = {group.name: group for group in settings.groups}
    for name in settings.autoscaling.groups:
        if name not in known:
            reject("autoscaling.groups", name, f"the groups are {', '.join(known)}", "Correct it.")
        group = known[name]
        for wrong, field, got, rule, way_out in (
            (group.duty.orchestrator != "Eks", "duty", type(group.duty).__name__, "Karpenter scales nodes of EKS alone",
             "Leave autoscaling out."),
            (group.count != 0, "count", group.count, "a scaled group begins at 0: Karpenter would end what is there",
             "Give count=0."),
            (not isinstance(group.capacity, OnDemand), "capacity", type(group.capacity).__name__,
             "Karpenter takes instances on demand", "Take OnDemand, or scale another group."),
            (bool(group.deep_checks), "deep_checks", group.deep_checks,
             "a scaled group would wait hours for each instance, and HyperPod refuses both", "Leave them out."),
            (group.zone is None, "zone", None, "a scaled group lives in one zone", "Name it."),
        ):  # fmt: skip
            if wrong:
                reject(f"groups.{name}.{field}", got, rule, way_out)
