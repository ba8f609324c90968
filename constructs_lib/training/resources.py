"""Hosts of jobs, checked against the catalogue.

Source: ResourceConfig, InstanceGroup and InstancePreference of CreateTrainingJob, API reference, read 2026-11-21.
InstancePlacementConfig is for UltraServers, whose Arm hosts no image here runs on: it has no value object.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE, instance
from ml_contract.training.layout import World

MOST_GROUPS = 5
MOST_PREFERENCES = 5
PLAN = r"^arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:training-plan/.+$"


class JobResources(Value):
    """Hosts of a training job."""

    volume_gib: int = Field(ge=1, le=16384)
    """Volume of each host in GiB: channels, artifact and what the trainer writes locally."""
    efa: bool
    """Whether hosts talk by Elastic Fabric Adapter; every type must have one."""

    @property
    def types(self) -> tuple[str, ...]:
        """Types of hosts that may come."""
        raise NotImplementedError

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of instance groups; none where all hosts are alike."""
        return ()

    @property
    def is_accelerated(self) -> bool:
        """Whether any type has accelerators."""
        return any(instance(name).accelerators for name in self.types)

    @property
    def mixes_storage(self) -> bool:
        """Whether only some of the types encrypt their disks themselves, so that no key can be named for the others."""
        return len({instance(name).has_local_storage for name in self.types}) > 1

    def worlds(self) -> tuple[World, ...]:
        """Every world of ranks that may come about.

        Raises:
            ContractError: Hosts would have different numbers of ranks.
        """
        raise NotImplementedError

    def render(self, key_arn: str) -> dict[str, Any]:
        """ResourceConfig of a training request, less what the capacity adds."""
        raise NotImplementedError

    def _check_types(self, field: str) -> None:
        for name in self.types:
            if self.efa and not instance(name, field=field).has_efa:
                with_efa = ", ".join(name for name, entry in CATALOGUE.items() if entry.has_efa and entry.device_rdma)
                reject(field, name, "this type has no Elastic Fabric Adapter and efa is True",
                       f"Set efa=False or take a type with one, for example {with_efa}.")  # fmt: skip
            instance(name, field=field)

    def _volume(self, key_arn: str) -> dict[str, Any]:
        # Types with local storage encrypt it by themselves, and a request that names a key is refused.
        keyed = not any(instance(name).has_local_storage for name in self.types)
        return {"VolumeSizeInGB": self.volume_gib, **({"VolumeKmsKeyId": key_arn} if keyed else {})}


class TrainingResources(JobResources):
    """Hosts of one type."""

    instance_type: str
    """Type of every host, for example ``ml.g5.2xlarge``."""
    instance_count: int = Field(ge=1, le=6758)
    """Number of hosts."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_types("instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return (self.instance_type,)

    def worlds(self) -> tuple[World, ...]:
        return (World.of(self.instance_type, self.instance_count),)

    def render(self, key_arn: str) -> dict[str, Any]:
        return {"InstanceType": self.instance_type, "InstanceCount": self.instance_count, **self._volume(key_arn)}


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
        self._check_types("instance_groups.instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(group.instance_type for group in self.instance_groups)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(group.name for group in self.instance_groups)

    def worlds(self) -> tuple[World, ...]:
        ranks = {instance(name).processes for name in self.types}
        if len(ranks) > 1:
            reject("instance_groups", self.types,
                   f"their hosts would have {sorted(ranks)} ranks, and the launcher starts as many on each",
                   "Take types with as many accelerators, or a program of your own.")  # fmt: skip
        return (World(hosts=sum(group.instance_count for group in self.instance_groups), ranks_per_host=ranks.pop()),)

    def render(self, key_arn: str) -> dict[str, Any]:
        groups = [
            {
                "InstanceGroupName": group.name,
                "InstanceType": group.instance_type,
                "InstanceCount": group.instance_count,
            }
            for group in self.instance_groups
        ]
        return {"InstanceGroups": groups, **self._volume(key_arn)}


class InstancePreference(Value):
    """A type that would do."""

    instance_type: str
    """Type of every host."""
    instance_count: int | None = Field(default=None, ge=1, le=6758)
    """Number of hosts of this type; None leaves it to the resources."""
    training_plan: str | None = Field(default=None, pattern=PLAN)
    """ARN of a plan that reserves this type; None takes it on demand."""


class PreferredResources(JobResources):
    """Hosts of the first type in a list that can be had; on demand or from training plans, never on spot."""

    preferences: tuple[InstancePreference, ...] = Field(min_length=1, max_length=MOST_PREFERENCES)
    """Types in the order in which they are tried, each once."""
    instance_count: int | None = Field(default=None, ge=1, le=6758)
    """Number of hosts whichever type it is; None where each preference says its own."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.types)) < len(self.types):
            reject("preferences", self.types, "a type stands in the list once", "Remove one.")
        counted = [preference.instance_count is not None for preference in self.preferences]
        if (self.instance_count is None) != all(counted) or (self.instance_count is not None and any(counted)):
            reject("instance_count", self.instance_count, "either it is given, or every preference has its own",
                   "Give one number for all, or one for each.")  # fmt: skip
        self._check_types("preferences.instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(preference.instance_type for preference in self.preferences)

    def worlds(self) -> tuple[World, ...]:
        return tuple(
            World.of(preference.instance_type, preference.instance_count or self.instance_count or 0)
            for preference in self.preferences
        )

    def render(self, key_arn: str) -> dict[str, Any]:
        count = {"InstanceCount": self.instance_count} if self.instance_count else {}
        preferences = [
            {
                "InstanceType": preference.instance_type,
                **({"InstanceCount": preference.instance_count} if preference.instance_count else {}),
                **({"TrainingPlanArns": [preference.training_plan]} if preference.training_plan else {}),
            }
            for preference in self.preferences
        ]
        return {"InstancePreferences": preferences, **count, **self._volume(key_arn)}


class ProcessingResources(Value):
    """The host of a processing job."""

    instance_type: str
    """Type of the host."""
    volume_gib: int = Field(ge=1, le=16384)
    """Volume in GiB: inputs and outputs."""
    max_run_seconds: int = Field(ge=1, le=7 * 24 * 3600)
    """Time that the job may run, at most 7 days."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        instance(self.instance_type)
        return self

    def render(self, key_arn: str) -> dict[str, Any]:
        """Fields of a processing request."""
        hosts = TrainingResources(
            instance_type=self.instance_type, instance_count=1, volume_gib=self.volume_gib, efa=False
        )
        return {"ProcessingResources": {"ClusterConfig": hosts.render(key_arn)},
                "StoppingCondition": {"MaxRuntimeInSeconds": self.max_run_seconds}}  # fmt: skip
