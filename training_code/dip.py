"""What a save that goes on beside training costs it: step times during the save against those before."""

from __future__ import annotations

import statistics
from collections import deque

WINDOW = 20
"""Steps before a save that it is compared with."""


class Dip:
    """The ratio of step times in the window after a save to those before it; 1 where the save costs nothing.

    The window is as long as the save is on its way. What training waits for when a save begins is the stall, a figure
    of its own, and no part of it.
    """

    def __init__(self) -> None:
        self._calm: deque[float] = deque(maxlen=WINDOW)
        self._beside: list[float] = []

    def step(self, seconds: float, *, beside: bool) -> float | None:
        """Take a step's time.

        Args:
            seconds: From step to step, without the stall.
            beside: Whether a save was on its way when the step began.

        Returns:
            Mean time beside the save by median time before it, at the first step after its end; None at other steps,
            and where no step went before.
        """
        if beside:
            self._beside.append(seconds)
            return None
        ratio = None
        if self._beside and self._calm:
            ratio = statistics.mean(self._beside) / statistics.median(self._calm)
        self._beside = []
        self._calm.append(seconds)
        return ratio
