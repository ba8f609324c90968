"""What a team is given of one instance type: whole instances, parts of them, or parts of their accelerators.

Sources, read 2026-11-22: ComputeQuotaResourceConfig and AcceleratorPartitionConfig, SageMaker API reference; "Using GPU
partitions in Amazon SageMaker HyperPod", SageMaker AI Developer Guide. A row counts instances, or accelerators with
vCPUs and memory, or partitions; SageMaker fills in by their ratio what a row of the last two forms leaves out.
"""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import InstanceType
from ml_contract.partitions import profiles


class Shares(NamedTuple):
    """Parts of everything that a cluster has of one type."""

    accelerators: Fraction
    vcpus: Fraction
    memory: Fraction


class Allocation(Value):
    """A part of what a cluster has of one instance type."""

    instance_type: str = Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")
    """Type, one that the cluster has, for example ``ml.p5.48xlarge``."""

    @property
    def row(self) -> str:
        """What a quota has one row of."""
        return self.instance_type

    @property
    def amount(self) -> str:
        """How much it is, in words."""
        return ", ".join(f"{name} {value:g}" for name, value in self.render().items() if name != "InstanceType")

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


class Partitions(Allocation):
    """Parts of single accelerators, for tasks that do not fill one; vCPUs and memory go with them by their ratio.

    Who divides the accelerators is NVIDIA's GPU operator, by the label of the group's nodes.
    """

    profile: str = Field(pattern=r"^mig-[1-7]g\.[0-9]+gb$")
    """Kind of part, for example ``mig-1g.10gb``; which ones there are depends on the accelerator."""
    count: int = Field(ge=1)
    """How many."""

    @property
    def row(self) -> str:
        return f"{self.instance_type} {self.profile}"

    @property
    def amount(self) -> str:
        return f"{self.count} × {self.profile}"

    def render(self) -> dict[str, Any]:
        return {
            "InstanceType": self.instance_type, "AcceleratorPartition": {"Type": self.profile, "Count": self.count},
        }  # fmt: skip

    def shares(self, one: InstanceType, instances: int) -> Shares:
        known = profiles(one)
        if self.profile not in known:
            reject("profile", self.profile, f"an accelerator of {self.instance_type} has {', '.join(known) or 'none'}",
                   "Take one of these." if known else "Take Devices.")  # fmt: skip
        share = Fraction(self.count, known[self.profile] * one.accelerators * instances)
        return Shares(share, share, share)
