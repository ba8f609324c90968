"""From a finished run to its artifact."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from torch import Tensor

from ml_contract.hyperparameters import to_json
from ml_contract.training.run import TrainingRun
from training_code.workloads.base import Trained


def describe(run: TrainingRun, weights: Mapping[str, Tensor], *, steps: int, figures: Mapping[str, float]) -> Trained:
    """What a workload's export gets, with where it came from."""
    provenance = {
        "hyperparameters": to_json(run),
        "steps": steps,
        "torch": torch.__version__,
        "training_job": os.environ.get("TRAINING_JOB_NAME"),
    }
    return Trained(run=run, weights=weights, steps=steps, figures=figures, provenance=provenance)
