"""How much of an endpoint an update moves at a time."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

from pydantic import Field

from constructs_lib.values import Value

INSTANCES = "INSTANCE_COUNT"
COPIES = "COPY_COUNT"


class Size(Value):
    """A part of a variant's capacity."""

    @abstractmethod
    def percent_of(self, instances: int | None, /) -> float | None:
        """Its share of so many instances, per cent; None where that is not known, or there are none."""

    @abstractmethod
    def render(self, unit: str, /) -> dict[str, Any]:
        """``Type`` and ``Value`` of a CapacitySize, by the names of CDK, where numbers are of this unit."""


class Percent(Size):
    """A share of the capacity."""

    percent: int = Field(ge=1, le=100)
    """Per cent."""

    def percent_of(self, _instances: int | None, /) -> float:
        return self.percent

    def render(self, _unit: str, /) -> dict[str, Any]:
        return {"type": "CAPACITY_PERCENT", "value": self.percent}


class Instances(Size):
    """A number of instances, or of copies of a component."""

    count: int = Field(ge=1)
    """Instances or copies."""

    def percent_of(self, instances: int | None, /) -> float | None:
        return 100 * self.count / instances if instances else None

    def render(self, unit: str, /) -> dict[str, Any]:
        return {"type": unit, "value": self.count}


def steps(size: Size, instances: int | None) -> int | None:
    """How many steps of this size an update of so many instances takes; None where that is not known."""
    percent = size.percent_of(instances)
    return None if percent is None else math.ceil(100 / percent)
