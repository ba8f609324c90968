"""Processing job: accuracy of the artifact on held-out images, beside a linear classifier's and a constant answer's."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from ml_contract.errors import reject
from ml_contract.manifest import ArtifactManifest
from ml_contract.paths import ContainerPaths
from ml_contract.workloads.digits import CLASSES, NAME, EvaluateOptions
from training_code import processing
from training_code.data.split import MANIFEST
from training_code.log import say
from training_code.workloads import evaluation
from training_code.workloads.digits.baselines import majority_accuracy
from training_code.workloads.digits.data import Images, Records
from training_code.workloads.digits.graph import INPUT, OUTPUT
from training_code.workloads.graph import GRAPH, open_graph

BASELINE = "logistic_regression_accuracy"


def evaluate(options: EvaluateOptions, artifact: Path, heldout: Path) -> dict[str, Any]:
    """Let the artifact's graph, which is what serving runs, recognise all held-out images.

    Args:
        options: How many at a time.
        artifact: Folder with manifest.json, verified here.
        heldout: Folder of the split's shards, verified here.

    Raises:
        ContractError: Artifact or shards are damaged, or the artifact is another workload's, or the split does not
            tell its baseline.
    """
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    if manifest.workload != NAME or GRAPH not in manifest.files:
        reject("workload", manifest.workload, f"this evaluates {NAME} with {GRAPH}", "Name its artifact.")
    images = Images(heldout)
    baseline = images.about.get(BASELINE)
    if not isinstance(baseline, float):
        reject(str(heldout / MANIFEST), baseline, f"its source tells the {BASELINE} of the split, from 0 to 1",
               "Prepare the data again, and name its folder heldout.")  # fmt: skip
    started = time.monotonic()
    logits = scores(open_graph(artifact / GRAPH), images.pixels, batch=options.batch_size)
    seconds = time.monotonic() - started
    right = logits.argmax(1) == images.labels
    accuracy = float(right.mean())
    return {
        "accuracy": accuracy,
        "loss": loss(logits, images.labels),
        BASELINE: baseline,
        "majority_accuracy": majority_accuracy(images.labels),
        "accuracy_by_digit": {
            str(digit): float(right[images.labels == digit].mean())
            for digit in range(CLASSES) if (images.labels == digit).any()
        },
        "heldout_images": len(images),
        "heldout_digest": images.digest,
        "steps": manifest.provenance["steps"],
        "images_per_second": len(images) / seconds,
        "graph_sha256": manifest.files[GRAPH].sha256,
        "beats_logistic_regression": accuracy > baseline,
    }  # fmt: skip


def scores(session: onnxruntime.InferenceSession, pixels: Records, *, batch: int) -> npt.NDArray[np.float64]:
    """Logits of shape [images, classes]."""
    parts = [
        session.run([OUTPUT], {INPUT: pixels[first : first + batch]})[0] for first in range(0, len(pixels), batch)
    ]  # fmt: skip
    return np.concatenate(parts).astype(np.float64)


def loss(logits: npt.NDArray[np.float64], labels: Records) -> float:
    """Mean cross-entropy in nats."""
    highest = logits.max(1)
    normalizer = highest + np.log(np.exp(logits - highest[:, None]).sum(1))
    return float((normalizer - logits[np.arange(len(labels)), labels]).mean())


def _work(options: EvaluateOptions, paths: ContainerPaths) -> None:
    found = evaluation.run(paths, lambda artifact, heldout: evaluate(options, artifact, heldout))
    say(f"evaluate: {found['accuracy']:.1%} of {found['heldout_images']} held-out images recognised; logistic"
        f" regression: {found[BASELINE]:.1%}, best constant answer: {found['majority_accuracy']:.1%}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(processing.run(EvaluateOptions, _work))
