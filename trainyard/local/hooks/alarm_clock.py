"""The time that alarms live in: it runs faster where somebody cannot wait for minutes."""

from __future__ import annotations

import time


class Clock:
    """Seconds of alarms against seconds of the machine."""

    def __init__(self, minute_seconds: float) -> None:
        """Starts it.

        Args:
            minute_seconds: what a minute takes, in seconds of the machine.
        """
        self._usual = self.minute_seconds = minute_seconds
        """What a minute takes now."""
        self._lease_ends = 0.0
        # From when on, in seconds since 1970; what the clock showed then; how fast it has run since.
        self._runs = [(0.0, 0.0, 60 / minute_seconds)]

    def run(self, minute_seconds: float, lease_seconds: float) -> None:
        """Lets it run at another speed.

        Args:
            minute_seconds: what a minute takes; 0 for the usual.
            lease_seconds: until when.
        """
        now = time.time()
        shown = self._shows(now)
        self.minute_seconds = minute_seconds or self._usual
        self._lease_ends = now + lease_seconds
        self._runs.append((now, shown, 60 / self.minute_seconds))

    def end_lease(self) -> None:
        """Gives the usual minute back when its time has come."""
        if self.minute_seconds != self._usual and time.time() >= self._lease_ends:
            self.run(0.0, 0.0)

    def between(self, first: float, last: float) -> float:
        """Seconds of alarms between two moments, which are in seconds since 1970."""
        return self._shows(last) - self._shows(first)

    def _shows(self, moment: float) -> float:
        since, shown, speed = next(run for run in reversed(self._runs) if run[0] <= moment or run[0] == 0.0)
        return shown + (moment - since) * speed
