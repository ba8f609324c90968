"""What the instances of a group are: one type, or the first of several that can be had.

Source: InstanceType and InstanceRequirements of ClusterInstanceGroupSpecification, SageMaker API reference, read
2026-11-22.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE, InstanceType, instance

NOT_IN_CLUSTERS = frozenset({"ml.p3.2xlarge", "ml.p3.8xlarge", "ml.p3.16xlarge", "ml.p3dn.24xlarge", "ml.trn1.2xlarge"})
"""Types of the catalogue that jobs and endpoints have and clusters do not: ClusterInstanceType, API, 2026-11-22."""


class Hosts(Value):
    """The instances of a group."""

    @property
    @abstractmethod
    def types(self) -> tuple[str, ...]:
        """Types that may come, the preferred one first."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of an instance group, by the names of CDK."""

    @property
    def entries(self) -> tuple[InstanceType, ...]:
        """What the catalogue says of the types."""
        return tuple(instance(name) for name in self.types)

    def _check_types(self, field: str) -> None:
        for name in self.types:
            instance(name, field=field)
            if name in NOT_IN_CLUSTERS:
                reject(field, name, "HyperPod clusters do not have this type", "Take a newer one of its kind.")


class OneType(Hosts):
    """Instances that are all alike."""

    instance_type: str
    """Type of every instance, for example ``ml.p5.48xlarge``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_types("instance_type")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return (self.instance_type,)

    def render(self) -> dict[str, Any]:
        return {"instance_type": self.instance_type}


class FirstAvailable(Hosts):
    """Instances of the first type that can be had: a group may end with several."""

    instance_types: tuple[str, ...] = Field(min_length=1, max_length=20)
    """Types in the order in which they are tried."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.instance_types)) < len(self.instance_types):
            reject("instance_types", self.instance_types, "a type is tried once", "Remove the repetition.")
        self._check_types("instance_types")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        return self.instance_types

    def render(self) -> dict[str, Any]:
        return {"instance_requirements": {"instanceTypes": list(self.instance_types)}}


def with_efa() -> str:
    """Types that have an adapter and are good for training, for a way out."""
    return ", ".join(name for name, entry in CATALOGUE.items() if entry.device_rdma and name not in NOT_IN_CLUSTERS)
