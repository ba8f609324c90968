"""A Weights & Biases run; offline it is a folder of the job's output, for `wandb sync` later."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_contract.hyperparameters import to_json
from ml_contract.training.run import TrainingRun
from training_code.watching.sink import Sink


class WandbRun(Sink):
    """Figures by step."""

    name = "W&B"

    def __init__(self, run: TrainingRun, name: str, folder: Path) -> None:
        self._settings: dict[str, Any] = {
            "mode": run.watching.wandb,
            "dir": str(folder),
            "project": "trainyard",
            "name": name,
            # Attempts of one job make one run.
            "id": hashlib.sha256(name.encode()).hexdigest()[:16],
            "resume": "allow",
            "config": to_json(run),
        }
        self._folder = folder
        self._run: Any = None

    def write(self, step: int, figures: Mapping[str, float], /) -> None:
        self._open().log(dict(figures), step=step)

    def close(self, status: str) -> None:
        self._open().finish(exit_code=1 if status == "FAILED" else 0)

    def _open(self) -> Any:
        if self._run is None:
            import wandb

            self._folder.mkdir(parents=True, exist_ok=True)
            settings = wandb.Settings(console="off", silent=True, disable_git=True, x_disable_stats=True)
            self._run = wandb.init(**self._settings, settings=settings)
        return self._run
