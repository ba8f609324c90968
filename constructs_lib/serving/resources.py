"""Instances behind a variant."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.serving.binding import given
from constructs_lib.values import Value
from ml_contract import hosting
from ml_contract.instances import InstanceType, instance


class ServingResources(Value):
    """Instances of one type, and how long they may take to begin.

    Sources of the limits, read 2026-11-21: ProductionVariant, SageMaker API reference.
    """

    instance_type: str
    """Type of every instance, for example ``ml.g5.xlarge``."""
    instance_count: int = Field(ge=1, le=1000)
    """Number of instances that the endpoint begins with, all billed as long as they run."""
    start_seconds: int = Field(ge=60, le=3600)
    """Time for a container to load its model and answer its first health check."""
    download_seconds: int | None = Field(default=None, ge=60, le=3600)
    """Time to fetch the model's data from S3 and unpack it; ``start_seconds`` by default."""
    volume_gib: int | None = Field(default=None, ge=1, le=512)
    """Volume of each instance, GiB, for types without disks of their own; SageMaker's default otherwise."""
    ami: hosting.AmiVersion | None = None
    """Version of the instances' machine image, which decides about driver and CUDA; the newest by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        hosting.check_type(self.instance_type)
        if self.volume_gib is not None:
            hosting.check_volume(self.instance_type)
        if self.ami is not None:
            hosting.check_ami(self.instance_type, self.ami)
        return self

    @property
    def type(self) -> InstanceType:
        """What the type holds."""
        return instance(self.instance_type)

    def render(self) -> dict[str, Any]:
        """Properties of a production variant."""
        return given(
            {
                "instance_type": self.instance_type,
                "initial_instance_count": self.instance_count,
                "container_startup_health_check_timeout_in_seconds": self.start_seconds,
                "model_data_download_timeout_in_seconds": self.download_seconds or self.start_seconds,
                "volume_size_in_gb": self.volume_gib,
                "inference_ami_version": self.ami,
            }
        )
