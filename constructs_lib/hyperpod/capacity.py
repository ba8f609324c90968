"""Where a group's instances come from: on demand, spot, or reserved by a training plan.

Sources, read 2026-11-22: ClusterCapacityRequirements and TrainingPlanArn, SageMaker API reference; "Spot instances in
Amazon SageMaker HyperPod" and "Reserve training plans for your training jobs or HyperPod clusters", SageMaker AI
Developer Guide. A capacity reservation of EC2 (ODCR) cannot be given to a cluster: HyperPod's instances are not in the
account; reserved capacity there is a training plan, or an agreement with AWS that needs no field.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import Field

from constructs_lib.hyperpod.hosts import Hosts
from constructs_lib.training.instance_preferences import PLAN
from constructs_lib.values import Value
from ml_contract.errors import reject

ZONE = r"^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$"


class Group(Protocol):
    """What a capacity looks at in the group that it is for."""

    @property
    def hosts(self) -> Hosts:
        """Types of its instances."""

    @property
    def deep_checks(self) -> Sequence[str]:
        """Checks of hours that an instance must pass before it gets work."""


class Capacity(Value):
    """A way to get instances."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of an instance group, by the names of CDK."""

    def check(self, group: Group, /) -> None:  # noqa: ARG002
        """Hold the capacity against the group that it is for.

        Raises:
            ContractError: The group cannot be had in this way.
        """
        return


class OnDemand(Capacity):
    """Instances at the list price, kept until the group shrinks."""

    def render(self) -> dict[str, Any]:
        return {"capacity_requirements": {"onDemand": {}}}


class Spot(Capacity):
    """Spare instances, which may be reclaimed; with continuous provisioning and on EKS only. It cannot be changed."""

    def render(self) -> dict[str, Any]:
        return {"capacity_requirements": {"spot": {}}}

    def check(self, group: Group, /) -> None:
        if group.deep_checks:
            reject("deep_checks", group.deep_checks,
                   "deep health checks take hours of an instance that spot may reclaim with every one of them",
                   "Leave deep_checks out, or take OnDemand.")  # fmt: skip


class TrainingPlan(Capacity):
    """Instances that a training plan has reserved, in the plan's zone and for its time."""

    plan: str = Field(pattern=PLAN)
    """ARN of the plan, whose target is HyperPod clusters."""
    zone: str = Field(pattern=ZONE)
    """Zone of the plan: instances asked for elsewhere never come."""

    def render(self) -> dict[str, Any]:
        return {"training_plan_arn": self.plan}

    def check(self, group: Group, /) -> None:
        if len(group.hosts.types) > 1:
            reject("hosts", group.hosts.types, "a training plan reserves one type", "Take OneType.")
