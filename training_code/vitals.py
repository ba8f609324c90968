"""What a run leaves for the process beside it that says whether it lives: its last step, and what was safe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "TRAINYARD_VITALS"
"""Environment variable with the file's path; without it nobody looks."""


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """As the file holds them."""

    stepped_at: float
    """Time of the last metric line, by the host's monotonic clock, which all of its processes share."""
    at_risk: float | None
    """Seconds of work that were not durable then; None for a run without checkpoints. A run that takes no steps risks
    no more than that, and one that writes its model has saved its last step."""
    started: float
    """First start of the run, over all its interruptions, in seconds since 1970."""

    @classmethod
    def read(cls, file: Path) -> Vitals | None:
        """What the file holds; None while the run has not taken a step."""
        try:
            return cls(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None

    def write(self, file: Path) -> None:
        """Replace the file: nobody sees half of it."""
        new = file.with_suffix(".new")
        new.write_text(json.dumps(asdict(self)))
        new.replace(file)
