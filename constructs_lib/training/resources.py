"""Hosts of jobs, checked against the catalogue.

Source: ResourceConfig of CreateTrainingJob, API reference, read 2026-11-21. InstancePlacementConfig is for
UltraServers, whose Arm hosts no image here runs on: it has no value object.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE, instance
from ml_contract.training.layout import World


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
    def hosts(self) -> int:
        """Most hosts that may come."""
        raise NotImplementedError

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

    def check_types(self, field: str) -> None:
        """Hold every type against the catalogue and ``efa``; ``field`` is what an error names."""
        for name in self.types:
            if self.efa and not instance(name, field=field).has_efa:
                with_efa = ", ".join(name for name, entry in CATALOGUE.items() if entry.has_efa and entry.device_rdma)
                reject(field, name, "this type has no Elastic Fabric Adapter and efa is True",
                       f"Set efa=False or take a type with one, for example {with_efa}.")  # fmt: skip
            instance(name, field=field)

    def volume(self, key_arn: str) -> dict[str, Any]:
        """Fields of ResourceConfig that say what disks the hosts have."""
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
        self.check_types("instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return (self.instance_type,)

    @property
    def hosts(self) -> int:
        return self.instance_count

    def worlds(self) -> tuple[World, ...]:
        return (World.of(self.instance_type, self.instance_count),)

    def render(self, key_arn: str) -> dict[str, Any]:
        return {"InstanceType": self.instance_type, "InstanceCount": self.instance_count, **self.volume(key_arn)}


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
