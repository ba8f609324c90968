"""Instances behind a variant.

Sources, read 2026-11-21: ProductionVariant, SageMaker API reference; "Deploy to multiple instance types with instance
pools", SageMaker AI Developer Guide: the pools stand in place of the type.
"""

from __future__ import annotations

from typing import Any, Self

from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, model_validator

from constructs_lib.serving.binding import given
from constructs_lib.values import Value
from ml_contract import hosting
from ml_contract.errors import reject
from ml_contract.instances import instance


class ServingResources(Value):
    """Instances, and how long they may take to begin."""

    instance_type: str
    """Type of every instance, for example ``ml.g5.xlarge``."""
    instance_count: int = Field(ge=1, le=1000)
    """Number of instances that the endpoint begins with, all billed as long as they run."""
    start_seconds: int = Field(ge=60, le=3600)
    """Time for a container to load its model and answer its first health check."""
    download_seconds: int | None = Field(default=None, ge=60, le=3600)
    """Time to fetch the model's data from S3 and unpack it; ``start_seconds`` by default."""
    fallbacks: tuple[str, ...] = Field(default=(), max_length=4)
    """Types that are tried in this order where the first has no capacity; the first alone by default."""
    volume_gib: int | None = Field(default=None, ge=1, le=512)
    """Volume of each instance, GiB, for types without disks of their own; SageMaker's default otherwise."""
    ami: hosting.AmiVersion | None = None
    """Version of the instances' machine image, which decides about driver and CUDA; what the container needs by
    default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        hosting.check_type(self.instance_type)
        for name in self.fallbacks:
            hosting.check_type(name, field="fallbacks")
        if len(set(self.types)) < len(self.types):
            reject("fallbacks", self.fallbacks, "each type is tried once", "Remove the repetition.")
        for name in self.types:
            if self.volume_gib is not None:
                hosting.check_volume(name)
            if self.ami is not None:
                hosting.check_ami(name, self.ami)
        return self

    @property
    def types(self) -> tuple[str, ...]:
        """All types, in the order in which they are tried."""
        return (self.instance_type, *self.fallbacks)

    @property
    def has_local_storage(self) -> bool:
        """Whether a type brings disks of its own."""
        return any(instance(name).has_local_storage for name in self.types)

    def machine_image(self, cuda: int | None) -> hosting.AmiVersion | None:
        """Version of the machine image for a container with this major version of CUDA; None: SageMaker's choice.

        Raises:
            ContractError: The driver is too old, or no image fits all types.
        """
        if self.ami is None:
            return hosting.ami_for(self.types, cuda)
        hosting.check_cuda(self.ami, cuda)
        return self.ami

    def render(self, cuda: int | None = None) -> dict[str, Any]:
        """Properties of a production variant, but its times, for a container with this major version of CUDA."""
        pool = sagemaker.CfnEndpointConfig.InstancePoolProperty
        pools = [pool(instance_type=name, priority=rank) for rank, name in enumerate(self.types, start=1)]
        return given(
            {
                "instance_type": None if self.fallbacks else self.instance_type,
                "instance_pools": pools if self.fallbacks else None,
                "initial_instance_count": self.instance_count,
                "volume_size_in_gb": self.volume_gib,
                "inference_ami_version": self.machine_image(cuda),
            }
        )

    def times(self) -> dict[str, Any]:
        """Times of a production variant that holds a model, or of an inference component."""
        return {
            "container_startup_health_check_timeout_in_seconds": self.start_seconds,
            "model_data_download_timeout_in_seconds": self.download_seconds or self.start_seconds,
        }
