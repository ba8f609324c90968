"""How long a save will take, from what earlier ones took."""

from __future__ import annotations

import time

MARGIN = 1.5
"""An estimate is multiplied by it: a save that is cut off was for nothing."""
FIXED_S = 1.0
"""Time of a save that does not grow with its bytes, until one was measured."""
WEIGHT = 0.5
"""Of the newest measurement."""


class Budget:
    """Seconds a byte of one rank, measured from staged to committed."""

    def __init__(self, assumed_bytes_per_second: float) -> None:
        self._seconds_per_byte = 1 / assumed_bytes_per_second
        self._fixed_s = FIXED_S
        self._flight: tuple[float, float] | None = None

    def started(self, size: int) -> None:
        """A save of ``size`` bytes is on its way."""
        self._flight = (time.monotonic(), self._expected(size))

    def ended(self, size: int, seconds: float, *, committed: bool) -> None:
        """It is over. A failed save says nothing about throughput."""
        self._flight = None
        if committed and size:
            # The fixed part stays in: a save of like size, which is what is asked about, has it too.
            measured = seconds / size
            self._seconds_per_byte += (measured - self._seconds_per_byte) * (WEIGHT if self._fixed_s == 0 else 1)
            self._fixed_s = 0.0

    def needed(self, size: int) -> float:
        """Seconds until a save of ``size`` bytes would have committed, were it asked for now."""
        before = 0.0
        if self._flight is not None:
            begun, expected = self._flight
            # One that takes longer than expected is about to end, as far as anyone can tell.
            before = max(0.0, begun + expected - time.monotonic())
        return MARGIN * (before + self._expected(size))

    def _expected(self, size: int) -> float:
        return self._fixed_s + size * self._seconds_per_byte
