"""What an environment says of who may use how much of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from constructs_lib.governance.drift import DriftCheck
from constructs_lib.governance.quota import TeamQuota
from constructs_lib.governance.resources import Allocation, Partitions, Shares
from constructs_lib.governance.scheduler import SchedulerPolicy
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.partitions import LABEL

if TYPE_CHECKING:
    from constructs_lib.hyperpod.groups import InstanceGroup


class GovernanceSettings(Value):
    """A cluster's policy and its teams."""

    policy: SchedulerPolicy
    """What decides between tasks."""
    quotas: tuple[TeamQuota, ...] = Field(min_length=1)
    """What each team has."""
    drift: DriftCheck
    """How changes from outside are seen."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        teams = [quota.team for quota in self.quotas]
        twice = [team for team in teams if teams.count(team) > 1]
        if twice:
            reject("quotas.team", twice[0], "a team has one quota in a cluster", "Put both into one.")
        for quota in self.quotas:
            if quota.weight and self.policy.fair_share == "Disabled":
                reject(f"quotas.{quota.team}.weight", quota.weight,
                       "weights count only where the policy's fair_share is enabled",
                       'Leave it out, or give fair_share="Enabled".')  # fmt: skip
        return self

    def check(self, groups: Iterable[InstanceGroup]) -> None:
        """Hold the quotas against the cluster that they divide.

        Raises:
            ContractError: A group is Slurm's, a type is not the cluster's, or all quotas together are more than it.
        """
        instances: dict[str, int] = {}
        divided: set[str] = set()
        for group in groups:
            if group.duty.orchestrator != "Eks":
                reject(f"groups.{group.name}", type(group.duty).__name__,
                       "quotas are kept by Kueue, and a cluster with Slurm has none",
                       "Take partitions and accounts of Slurm, or a cluster on EKS.")  # fmt: skip
            for name in group.hosts.types:
                instances[name] = instances.get(name, 0) + group.count
            if LABEL in getattr(group.duty, "labels", {}):
                divided.update(group.hosts.types)
        taken: dict[str, list[tuple[str, Shares]]] = {}
        for quota in self.quotas:
            for one in quota.sharing.borrowed:
                _shares(f"quotas.{quota.team}.sharing.limits", one, instances)
            for one in quota.resources:
                found = _shares(f"quotas.{quota.team}.resources", one, instances)
                taken.setdefault(one.instance_type, []).append((quota.team, found))
                if isinstance(one, Partitions) and one.instance_type not in divided:
                    reject(f"quotas.{quota.team}.resources", one.row, "nothing divides the accelerators of this type",
                           f'Give a group of it duty=KubernetesNode(labels={{"{LABEL}": '
                           f'"all-{one.profile.removeprefix("mig-")}"}}).')  # fmt: skip
        for name, parts in taken.items():
            _check_sum(name, parts, instances[name])


def _shares(field: str, one: Allocation, instances: Mapping[str, int]) -> Shares:
    there = instances.get(one.instance_type, 0)
    if not there:
        has = ", ".join(sorted(name for name, count in instances.items() if count)) or "no instance"
        reject(field, one.instance_type, f"the cluster has {has}", "Take one of its types.")
    found = one.shares(instance(one.instance_type), there)
    if max(found) > 1:
        reject(field, one.amount, f"the cluster has {there} × {one.instance_type}, {_all_of(one.instance_type, there)}",
               "Lower it, or let the group grow.")  # fmt: skip
    return found


def _check_sum(name: str, parts: list[tuple[str, Shares]], there: int) -> None:
    for what in Shares._fields:
        asked = sum((getattr(shares, what) for _, shares in parts), Fraction(0))
        if asked > 1:
            reject("quotas", ", ".join(team for team, _ in parts),
                   f"together they have {float(asked):.0%} of the {what} of the cluster's {there} × {name}",
                   "Lower one of them: what goes beyond a quota is borrowed.")  # fmt: skip


def _all_of(name: str, there: int) -> str:
    one = instance(name)
    return f"{one.accelerators * there} accelerators, {one.vcpus * there} vCPUs and {one.memory_gib * there} GiB"
