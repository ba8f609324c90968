"""Instances of jobs, checked against the catalogue."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE, instance


class TrainingResources(Value):
    """Hosts of a training job."""

    instance_type: str
    """Type of every host, for example ``ml.g5.2xlarge``."""
    instance_count: int = Field(ge=1, le=6758)
    """Number of hosts."""
    volume_gib: int = Field(ge=1, le=16384)
    """Volume of each host in GiB: channels, artifact and what the trainer writes locally."""
    efa: bool
    """Whether hosts talk by Elastic Fabric Adapter; the type must have one."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        found = instance(self.instance_type)
        if self.efa and not found.has_efa:
            with_efa = ", ".join(name for name, entry in CATALOGUE.items() if entry.has_efa and entry.device_rdma)
            reject("instance_type", self.instance_type, "this type has no Elastic Fabric Adapter and efa is True",
                   f"Set efa=False or take a type with one, for example {with_efa}.")  # fmt: skip
        return self

    def render(self, key_arn: str) -> dict[str, Any]:
        """ResourceConfig of a training request, less what the capacity adds."""
        return _cluster(self.instance_type, self.instance_count, self.volume_gib, key_arn)


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
        cluster = _cluster(self.instance_type, 1, self.volume_gib, key_arn)
        return {"ProcessingResources": {"ClusterConfig": cluster},
                "StoppingCondition": {"MaxRuntimeInSeconds": self.max_run_seconds}}  # fmt: skip


def _cluster(instance_type: str, count: int, volume_gib: int, key_arn: str) -> dict[str, Any]:
    cluster: dict[str, Any] = {"InstanceType": instance_type, "InstanceCount": count, "VolumeSizeInGB": volume_gib}
    # Types with local storage encrypt it by themselves, and a request that names a key is refused.
    return cluster if instance(instance_type).has_local_storage else {**cluster, "VolumeKmsKeyId": key_arn}
