"""A run's settings as a flat list, as trackers show them."""

from __future__ import annotations

from typing import Any

from ml_contract.hyperparameters import to_json
from ml_contract.training.run import TrainingRun


def flat(run: TrainingRun) -> dict[str, str]:
    """Dotted names to texts, for example ``optimizer.learning_rate``."""
    found: dict[str, str] = {}

    def walk(path: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, below in value.items():
                walk(f"{path}.{name}" if path else name, below)
        else:
            found[path] = str(value)

    walk("", to_json(run))
    return found
