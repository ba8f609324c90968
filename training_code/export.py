"""From a finished run, or from one of its checkpoints, to its artifact.

``python -m training_code.export --checkpoint URI --out FOLDER`` writes the artifact of a checkpoint in one process.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ml_contract.errors import ContractError, reject
from ml_contract.hyperparameters import decode, to_json
from ml_contract.manifest import ArtifactManifest
from ml_contract.training.run import TrainingRun
from training_code import workloads
from training_code.checkpoint import CheckpointError, open_model
from training_code.log import say
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


def export_checkpoint(uri: str, folder: Path, *, step: int | None = None, run: str | None = None) -> ArtifactManifest:
    """Write the artifact of a checkpoint, as the end of the run would have written it at that step.

    Args:
        uri: Where the run's checkpoints lie, ``s3://bucket/prefix`` or ``file:///folder``.
        folder: Becomes the artifact; created where it is missing.
        step: Which step; None takes the newest.
        run: Name of the run, where the place holds several.

    Raises:
        CheckpointError: No such checkpoint, or a damaged one.
        ContractError: The checkpoint does not tell its hyperparameters, or its weights are not the model's.
    """
    saved = open_model(uri, step=step, run=run)
    if not saved.hyperparameters:
        reject("--checkpoint", saved.uri, "its COMMIT tells no hyperparameters: an older version wrote it",
               "Resume the run with this version, which saves anew.")  # fmt: skip
    options = decode(TrainingRun, saved.hyperparameters)
    workload = workloads.load(options.workload)
    with torch.device("meta"):
        expected = {name: tensor.shape for name, tensor in workload.build().state_dict().items()}
    weights = saved.weights()
    found = {name: tensor.shape for name, tensor in weights.items()}
    if different := sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)):
        name = different[0]
        reject(f"{saved.uri}: {name}", list(found.get(name, ())), f"the model {options.workload.kind} has"
               f" {list(expected[name]) if name in expected else 'no such tensor'}, and {len(different)} differ",
               "Export with the version that trained it.")  # fmt: skip
    trained = describe(options, weights, steps=saved.step, figures=saved.figures)
    provenance = {**trained.provenance, "checkpoint": saved.uri}
    return workload.export(folder, dataclasses.replace(trained, provenance=provenance))


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; every failure is one line on standard error and status 1."""
    parser = argparse.ArgumentParser(
        "python -m training_code.export", description="Write the artifact of a checkpoint."
    )
    parser.add_argument("--checkpoint", required=True, metavar="URI", help="s3://bucket/prefix or file:///folder")
    parser.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="becomes the artifact")
    parser.add_argument("--step", type=int, help="default: the newest")
    parser.add_argument("--run", help="where the place holds several runs")
    given = parser.parse_args(arguments)
    try:
        manifest = export_checkpoint(given.checkpoint, given.out, step=given.step, run=given.run)
    except (CheckpointError, ContractError) as error:
        print(f"export: {error}", file=sys.stderr)
        return 1
    say(f"export: {given.out} holds {manifest.workload} of step {manifest.provenance['steps']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
