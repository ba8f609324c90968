"""How often spot hosts may be taken away before it is more than was planned for."""

from __future__ import annotations

import math

from pydantic import Field

from constructs_lib.values import Value


class SpotRate(Value):
    """The rate of interruptions that the time between checkpoints was chosen for."""

    per_hour: float = Field(gt=0, le=60)
    """Interruptions of one job in an hour, on average."""
    window_hours: int = Field(default=1, ge=1, le=24)
    """Time in which they are counted. A longer one sees a smaller change, later."""
    false_alarms: float = Field(default=0.01, gt=0, lt=0.5)
    """Share of windows that raise an alarm although nothing has changed."""

    @property
    def least(self) -> int:
        """Interruptions within a window from which on it is an alarm.

        At a constant rate their number follows Poisson's distribution: it is the smallest number that is reached, at
        the planned rate, in no more than ``false_alarms`` of all windows.
        """
        mean = self.per_hour * self.window_hours
        term = math.exp(-mean)
        below, count = term, 1
        while 1 - below > self.false_alarms:
            term *= mean / count
            below += term
            count += 1
        return count
