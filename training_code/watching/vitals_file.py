"""The first rank's vitals, for the process beside it that says whether it lives."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from ml_contract.metrics import CHECKPOINT_AGE
from training_code.vitals import Vitals
from training_code.watching.clock import Clock
from training_code.watching.sink import Sink


class VitalsFile(Sink):
    """One file, replaced at every metric line, which stays when the run hangs."""

    name = "vitals"

    def __init__(self, file: Path, clock: Clock) -> None:
        """Write ``file``."""
        self._file, self._clock = file, clock

    def write(self, _step: int, figures: Mapping[str, float], /) -> None:
        at_risk = figures.get(CHECKPOINT_AGE.name)
        Vitals(stepped_at=time.monotonic(), at_risk=at_risk, started=self._clock.started).write(self._file)

    def close(self, status: str) -> None:
        """Leave the file: what follows the last step is billed too."""
