"""What a cluster is asked to be, but for its orchestrator: what an environment holds."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.hyperpod import combinations
from constructs_lib.hyperpod.autoscaling import Karpenter
from constructs_lib.hyperpod.capacity import ZONE
from constructs_lib.hyperpod.duties import LONGEST_NAME, NAME
from constructs_lib.hyperpod.groups import InstanceGroup
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_GROUPS = 100
LEAST_LEFT = 20
"""Per cent of a node's memory that jobs keep beside tiered checkpoints: their data loaders, and what pins pages for the
accelerators. Ours; AWS names no bound but 100."""


class TieredCheckpoints(Value):
    """A share of the nodes' memory for AWS's managed tiered checkpointing; EKS only.

    HyperPod installs a daemon that serves this share to programs with the library ``amzn-sagemaker-checkpointing``. The
    checkpoints in memory of this project's runs take none of it: theirs is the pods' own (``checkpoint_memory_gib``).

    Source: "Set up managed tiered checkpointing", SageMaker AI Developer Guide, read 2026-11-22, which is narrower than
    the API's 0 to 100. Pods that write checkpoints need rights on S3 and CloudWatch of their own.
    """

    memory_percent: int = Field(ge=20, le=100 - LEAST_LEFT)
    """Share of each instance's memory, 20 to 80 per cent: what remains must hold the jobs with their data loaders."""

    def render(self) -> dict[str, Any]:
        """TieredStorageConfig, by the names of CDK."""
        return {"mode": "Enable", "instanceMemoryAllocationPercentage": self.memory_percent}


class ClusterSettings(Value):
    """A cluster and its groups."""

    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    """Name; it is part of no other resource's name and cannot change."""
    groups: tuple[InstanceGroup, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """Groups, each with a name of its own."""
    zone: str = Field(pattern=ZONE)
    """Zone of the groups that name none. HyperPod would choose any of several itself, and EFA and a file system are of
    one. It cannot be changed later."""
    provisioning: Literal["Continuous", "AllOrNothing"]
    """``Continuous``: the cluster serves with what there is, and the rest comes as it can be had. ``AllOrNothing``: an
    operation that cannot have every instance is rolled back. It cannot be changed later."""
    recovery: Literal["Automatic", "None"]
    """``Automatic``: faulty instances are rebooted or replaced. ``None``: an operator does it."""
    tiered: TieredCheckpoints | None = None
    """Checkpoints in memory; none by default."""
    autoscaling: Karpenter | None = None
    """Groups that grow with pending pods; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        combinations.check(
            self.groups,
            provisioning=self.provisioning,
            zones={group.name: self.zone_of(group) for group in self.groups},
        )
        if self.autoscaling is not None:
            self.autoscaling.check(self.groups, provisioning=self.provisioning, recovery=self.recovery)
        return self

    @property
    def instances(self) -> int:
        """Instances of all groups together."""
        return sum(group.count for group in self.groups)

    def zone_of(self, group: InstanceGroup) -> str:
        """Zone of the group's instances."""
        return group.zone or self.zone

    def render(self) -> dict[str, Any]:
        """Properties of the cluster that need nothing beside it, by the names of CDK."""
        found: dict[str, Any] = {"cluster_name": self.name, "node_recovery": self.recovery}
        if self.provisioning == "Continuous":
            found["node_provisioning_mode"] = "Continuous"
        if self.tiered is not None:
            found["tiered_storage_config"] = self.tiered.render()
        if self.autoscaling is not None:
            found["auto_scaling"] = self.autoscaling.render()
        return found

    def group(self, name: str) -> InstanceGroup:
        """The group of that name.

        Raises:
            ContractError: There is none.
        """
        for group in self.groups:
            if group.name == name:
                return group
        reject("group", name, f"the groups are {', '.join(group.name for group in self.groups)}", "Correct it.")
