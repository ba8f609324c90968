"""What one copy of an inference component takes of an instance.

Source of the limits, read 2026-11-21: InferenceComponentComputeResourceRequirements, SageMaker API reference.
"""

from __future__ import annotations

from typing import Self

from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance

_Component = sagemaker.CfnInferenceComponent


class Share(Value):
    """Part of an instance that one copy takes."""

    cores: float | None = Field(default=None, ge=0.25)
    """CPU cores."""
    accelerators: int | None = Field(default=None, ge=1)
    """GPUs, or Neuron devices; None for a model on CPUs."""
    memory_mb: int = Field(ge=128)
    """Memory of the host that is set aside for it, MB."""
    maximum_memory_mb: int | None = Field(default=None, ge=128)
    """Memory that it may grow to, MB, beyond which it is ended; no limit by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.maximum_memory_mb is not None and self.maximum_memory_mb < self.memory_mb:
            reject("maximum_memory_mb", self.maximum_memory_mb, f"it is at least memory_mb, {self.memory_mb}",
                   "Swap the two.")  # fmt: skip
        return self

    def check(self, instance_type: str) -> None:
        """Refuse more than one instance has.

        Raises:
            ContractError: It is more.
        """
        for field, there in capacity(instance_type).items():
            asked = getattr(self, field)
            if asked is not None and asked > there:
                reject(f"share.{field}", asked, f"{instance_type} has {there}", "Take less, or a larger type.")

    def render(self) -> _Component.InferenceComponentComputeResourceRequirementsProperty:
        return _Component.InferenceComponentComputeResourceRequirementsProperty(
            number_of_cpu_cores_required=self.cores,
            number_of_accelerator_devices_required=self.accelerators,
            min_memory_required_in_mb=self.memory_mb,
            max_memory_required_in_mb=self.maximum_memory_mb,
        )


def capacity(instance_type: str) -> dict[str, float]:
    """What one instance has of each field of a :class:`Share`."""
    found = instance(instance_type)
    return {"cores": found.vcpus, "accelerators": found.accelerators, "memory_mb": found.memory_gib * 1024}
