"""Hosts of several types in one job.

Source: InstanceGroup of CreateTrainingJob, API reference, read 2026-11-21.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.training.resources import JobResources
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.training.layout import World

MOST_GROUPS = 5


class InstanceGroup(Value):
    """Hosts of one type among others."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    """Name, by which channels and programs find the group."""
    instance_type: str
    """Type of the group's hosts."""
    instance_count: int = Field(ge=1, le=6758)
    """Number of its hosts."""


class HeterogeneousResources(JobResources):
    """Hosts of several types in one job, for example CPU hosts that prepare what GPU hosts learn."""

    instance_groups: tuple[InstanceGroup, ...] = Field(min_length=1, max_length=MOST_GROUPS)
    """The groups, each with a name of its own."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.groups)) < len(self.groups):
            reject("instance_groups", self.groups, "groups have different names", "Rename one.")
        self.check_types("instance_groups.instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(group.instance_type for group in self.instance_groups)

    @property
    def hosts(self) -> int:
        return sum(group.instance_count for group in self.instance_groups)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(group.name for group in self.instance_groups)

    def worlds(self) -> tuple[World, ...]:
        ranks = {instance(name).processes for name in self.types}
        if len(ranks) > 1:
            reject("instance_groups", self.types,
                   f"their hosts would have {sorted(ranks)} ranks, and the launcher starts as many on each",
                   "Take types with as many accelerators, or a program of your own.")  # fmt: skip
        return (World(hosts=self.hosts, ranks_per_host=ranks.pop()),)

    def render(self, key_arn: str) -> dict[str, Any]:
        groups = [
            {
                "InstanceGroupName": group.name,
                "InstanceType": group.instance_type,
                "InstanceCount": group.instance_count,
            }
            for group in self.instance_groups
        ]
        return {"InstanceGroups": groups, **self.volume(key_arn)}
