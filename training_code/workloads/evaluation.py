"""What evaluations of all workloads share: the artifact comes in as an archive, the report goes out as JSON."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ml_contract.archive import unpack
from ml_contract.hyperparameters import decode_values
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import ARCHIVE
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun

MODEL, HELDOUT, EVALUATION = "model", "heldout", "evaluation"
"""Processing inputs and output of an evaluation."""
REPORT = "evaluation.json"


def run(paths: ContainerPaths, evaluate: Callable[[Path, Path], dict[str, Any]]) -> dict[str, Any]:
    """Unpack the artifact, evaluate it on the held-out split, and write the report.

    Args:
        paths: Of the processing job.
        evaluate: From the artifact's folder and the held-out one to the report, JSON values.

    Returns:
        The report, which says what is to be looked at first: ``headline``, the fields of
        :class:`ml_contract.workloads.base.Headline`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        artifact = Path(scratch)
        unpack(paths.processing_input(MODEL) / ARCHIVE, artifact)
        found = evaluate(artifact, paths.processing_input(HELDOUT))
        trained = ArtifactManifest.read(artifact).provenance["hyperparameters"]
    found["headline"] = asdict(decode_values(TrainingRun, trained).workload.headline)
    output = paths.processing_output(EVALUATION)
    output.mkdir(parents=True, exist_ok=True)
    (output / REPORT).write_text(json.dumps(found, indent=1) + "\n")
    return found
