"""Copies of inference components on instances: what one needs, and how many instances all of them take.

An instance is taken to give all that the instance catalogue says it has. AWS keeps an amount of it that no guide
states, so what just fits here may not fit there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import ContractError
from ml_contract.instances import instance
from trainyard.local.api.errors import invalid

_REQUIREMENTS = "Specification.ComputeResourceRequirements"


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one copy takes of an instance."""

    cores: float
    """vCPUs; 0 where it names none."""
    accelerators: float
    """Devices; 0 where it names none."""
    memory_mb: int
    """Memory that it must have, in MiB."""

    def fits(self, room: "Need") -> bool:
        """Whether it goes into what is left of an instance."""
        return (
            self.cores <= room.cores and self.accelerators <= room.accelerators and self.memory_mb <= room.memory_mb
        )  # fmt: skip

    def without(self, other: "Need") -> "Need":
        """What is left after `other` has gone into it."""
        return Need(
            cores=self.cores - other.cores,
            accelerators=self.accelerators - other.accelerators,
            memory_mb=self.memory_mb - other.memory_mb,
        )


def need(requirements: Mapping[str, Any]) -> Need:
    """ComputeResourceRequirements of one copy."""
    return Need(
        cores=requirements.get("NumberOfCpuCoresRequired", 0.0),
        accelerators=requirements.get("NumberOfAcceleratorDevicesRequired", 0.0),
        memory_mb=requirements["MinMemoryRequiredInMb"],
    )


def room(instance_type: str) -> Need:
    """What an instance has.

    Raises:
        ServiceError: ValidationException, a type that the catalogue does not have.
    """
    try:
        found = instance(instance_type, field="InstanceType")
    except ContractError as error:
        raise invalid(str(error)) from error
    return Need(cores=found.vcpus, accelerators=found.accelerators, memory_mb=found.memory_gib * 1024)


def check(requirements: Mapping[str, Any], instance_type: str) -> None:
    """Refuses what no instance of the type could hold one copy of.

    Raises:
        ServiceError: ValidationException naming the field.
    """
    has, wants = room(instance_type), need(requirements)
    for field, wanted, available in (
        ("NumberOfCpuCoresRequired", wants.cores, has.cores),
        ("NumberOfAcceleratorDevicesRequired", wants.accelerators, has.accelerators),
        ("MinMemoryRequiredInMb", wants.memory_mb, has.memory_mb),
    ):
        if wanted > available:
            raise invalid(
                f"{_REQUIREMENTS}.{field}: got {wanted:g}, but {instance_type} has {available:g}. Ask for less, or "
                "host on a larger type."
            )
    most = requirements.get("MaxMemoryRequiredInMb", wants.memory_mb)
    if most < wants.memory_mb:
        raise invalid(f"{_REQUIREMENTS}.MaxMemoryRequiredInMb: got {most}, less than MinMemoryRequiredInMb.")


def instances_for(needs: Iterable[Need], instance_type: str) -> int:
    """Instances that hold copies, the largest placed first, each on the first instance with room."""
    has = room(instance_type)
    left: list[Need] = []
    order = sorted(needs, key=lambda one: (one.accelerators, one.memory_mb, one.cores), reverse=True)
    for one in order:
        for index, free in enumerate(left):
            if one.fits(free):
                left[index] = free.without(one)
                break
        else:
            left.append(has.without(one))
    return len(left)
