"""A day as instances that are needed, stretch by stretch."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ml_contract.errors import reject
from trainyard.scaling.trace import DAY

HOURS_PER_DAY = 24.0


@dataclass(frozen=True, kw_only=True)
class DailyLoad:
    """Instances that are needed over a day."""

    stretches: tuple[tuple[float, int], ...]
    """Hours, and the instances needed in them; 24 hours in all."""

    def __post_init__(self) -> None:
        total = sum(hours for hours, _ in self.stretches)
        if any(hours <= 0 or count < 0 for hours, count in self.stretches) or abs(total - HOURS_PER_DAY) > 1e-6:
            reject("load", self.text, f"its stretches take {total:g} hours, and a day has 24 of them",
                   "Write for example 6h:10,12h:2,6h:1, which is 6 hours at 10 instances and so on.")  # fmt: skip

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return ",".join(f"{hours:g}h:{count}" for hours, count in self.stretches)

    @property
    def peak(self) -> int:
        """Most instances."""
        return max(count for _, count in self.stretches)

    @property
    def instance_hours(self) -> float:
        """Of a day, where capacity follows the need."""
        return sum(hours * count for hours, count in self.stretches)

    def used(self, number: int) -> float:
        """Hours of a day in which at least ``number`` instances are needed."""
        return sum(hours for hours, count in self.stretches if count >= number)


BUILT_IN = DailyLoad(stretches=tuple((float(hours), count) for hours, count in DAY))
"""6 hours at 10 instances, 12 at 2 and 6 at 1."""


def read_load(text: str) -> DailyLoad:
    """Read ``6h:10,12h:2,6h:1``.

    Raises:
        ContractError: It is written otherwise, or does not fill a day.
    """
    parts = [re.fullmatch(r"\s*(\d+(?:\.\d+)?)h:(\d+)\s*", part) for part in text.split(",")]
    if None in parts:
        reject("load", text, "it must be stretches of hours and instances",
               "Write for example 6h:10,12h:2,6h:1, which is 6 hours at 10 instances and so on.")  # fmt: skip
    return DailyLoad(stretches=tuple((float(part[1]), int(part[2])) for part in parts if part))
