"""What a team is given of one instance type: whole instances, or parts of them.

Source: ComputeQuotaResourceConfig, SageMaker API reference, read 2026-11-22. A row counts instances, or accelerators
with vCPUs and memory; SageMaker fills in by their ratio what a row of the second form leaves out.
"""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import InstanceType


class Shares(NamedTuple):
    """Parts of everything that a cluster has of one type."""

    accelerators: Fraction
    vcpus: Fraction
    memory: Fraction


class Allocation(Value):
    """A part of what a cluster has of one instance type."""

    instance_type: str = Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")
    """Type, one that the cluster has, for example ``ml.p5.48xlarge``."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """ComputeQuotaResourceConfig of the API."""

    @abstractmethod
    def shares(self, one: InstanceType, instances: int) -> Shares:
        """Its parts of all that ``instances`` of the type have.

        Args:
            one: The type.
            instances: How many the cluster has, at least one.

        Raises:
            ContractError: The type has nothing of what is asked.
        """


class Instances(Allocation):
    """Whole instances."""

    count: int = Field(ge=1)
    """How many."""

    def render(self) -> dict[str, Any]:
        return {"InstanceType": self.instance_type, "Count": self.count}

    def shares(self, one: InstanceType, instances: int) -> Shares:
        share = Fraction(self.count, instances)
        return Shares(share if one.accelerators else Fraction(0), share, share)


class Devices(Allocation):
    """Parts of instances, for teams whose tasks do not fill one."""

    accelerators: int | None = Field(default=None, ge=1)
    """Accelerators of all instances together; none by default."""
    vcpus: float | None = Field(default=None, gt=0)
    """vCPUs; by default as many as go with the accelerators or the memory."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory in GiB; by default as much as goes with the accelerators or the vCPUs."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.accelerators is None and self.vcpus is None and self.memory_gib is None:
            reject("accelerators", None, "an allocation without accelerators, vCPUs and memory gives nothing",
                   "Give at least one, or take Instances.")  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        given = {"Accelerators": self.accelerators, "VCpu": self.vcpus, "MemoryInGiB": self.memory_gib}
        return {"InstanceType": self.instance_type, **{name: it for name, it in given.items() if it is not None}}

    def shares(self, one: InstanceType, instances: int) -> Shares:
        if self.accelerators and not one.accelerators:
            reject("accelerators", self.accelerators, f"{self.instance_type} has no accelerator",
                   "Give vcpus or memory_gib.")  # fmt: skip
        devices = Fraction(self.accelerators or 0, max(1, one.accelerators) * instances)
        vcpus = self.vcpus and Fraction(self.vcpus) / (one.vcpus * instances)
        memory = self.memory_gib and Fraction(self.memory_gib) / (one.memory_gib * instances)
        return Shares(devices, vcpus or devices or memory or Fraction(0), memory or devices or vcpus or Fraction(0))
