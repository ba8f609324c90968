"""Goodput: how much of the time since a run first started went into steps that count."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any


class Clock:
    """Times of a run over all its interruptions; part of every checkpoint.

    What was trained after the last commit and is done again after a restart counts once; waiting for hosts, for data
    to arrive, for a restore, or for another attempt's end counts as nothing. A save's stall is part of a step.
    """

    def __init__(self) -> None:
        self._started = time.time()
        self._productive = 0.0

    def stepped(self, seconds: float) -> None:
        """A step took ``seconds``."""
        self._productive += seconds

    @property
    def started(self) -> float:
        """First start of the run, in seconds since 1970."""
        return self._started

    @property
    def goodput(self) -> float:
        """Share of the wall time since the first start, from 0 to 1."""
        return min(1.0, self._productive / max(1e-9, time.time() - self._started))

    def state_dict(self) -> dict[str, Any]:
        return {"started": self._started, "productive": self._productive}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._started, self._productive = state_dict["started"], state_dict["productive"]


def of_the_first(states: Sequence[dict[str, Any]], _rank: int, _world_size: int, /) -> dict[str, Any]:
    """The clock of another world size: the first rank's, for all."""
    return states[0]
