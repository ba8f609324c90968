"""How long a save will take, from what earlier ones took."""

from __future__ import annotations

import time

from ml_contract.sizing.interval import FIXED_SECONDS

MARGIN = 1.5
"""An estimate is multiplied by it: a save that is cut off was for nothing."""
WEIGHT = 0.5
"""Of the newest measurement."""


class Budget:
    """Seconds a save takes one rank, from the end of staging to the commit."""

    def __init__(self, assumed_bytes_per_second: float) -> None:
        self._assumed = assumed_bytes_per_second
        self._measured: tuple[int, float] | None = None
        self._flight: tuple[float, float] | None = None

    def started(self, size: int) -> None:
        """A save of ``size`` bytes is on its way."""
        self._flight = (time.monotonic(), self._expected(size))

    def ended(self, size: int, seconds: float, *, committed: bool) -> None:
        """It is over. A failed save says nothing about throughput."""
        self._flight = None
        if committed:
            before = self._expected(size) if self._measured else seconds
            self._measured = (size, before + (seconds - before) * WEIGHT)

    def needed(self, size: int) -> float:
        """Seconds until a save of ``size`` bytes would have committed, were it asked for now."""
        before = 0.0
        if self._flight is not None:
            begun, expected = self._flight
            # One that takes longer than expected is about to end, as far as anyone can tell.
            before = max(0.0, begun + expected - time.monotonic())
        return MARGIN * (before + self._expected(size))

    def _expected(self, size: int) -> float:
        if self._measured is None:
            return FIXED_SECONDS + size / self._assumed
        measured_size, seconds = self._measured
        # A smaller save still has the fixed part, which one measurement cannot tell from the rest.
        return seconds * max(1.0, size / max(1, measured_size))
