"""Processing job: scikit-learn's handwritten digits as shards, split digit by digit into train and held-out."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ml_contract.paths import ContainerPaths
from ml_contract.workloads.digits import CLASSES, NAME, PrepareOptions
from training_code import processing
from training_code.data.split import MANIFEST
from training_code.data.tokens import TokenWriter
from training_code.log import say
from training_code.workloads.bytes_lm.corpus import fraction
from training_code.workloads.digits.baselines import logistic_regression_accuracy
from training_code.workloads.digits.data import PIXELS, RECORD, Records

OUTPUT = "dataset"
TRAIN, HELDOUT = "train", "heldout"
SOURCE = {
    "name": "scikit-learn digits: test set of UCI's Optical Recognition of Handwritten Digits",
    "authors": "E. Alpaydin and C. Kaynak (archive.ics.uci.edu/dataset/80, read 2026-11)",
}
"""13 people wrote them. Who wrote which is not told, so the held-out images are other images by the same hands."""


def records() -> Records:
    """All 1797 images with their labels; scikit-learn carries them in its package."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.column_stack([pixels, labels]).astype(np.uint8)


def heldout_numbers(labels: Records, *, seed: int, share: float) -> list[int]:
    """Numbers of the images that are held out, ascending: of each digit the ``share`` whose hashes are lowest."""
    found = []
    for digit in range(CLASSES):
        numbers = np.flatnonzero(labels == digit).tolist()
        found += sorted(numbers, key=lambda number: fraction(f"split/{seed}/{number}"))[: round(share * len(numbers))]
    return sorted(found)


def prepare(options: PrepareOptions, folder: Path) -> dict[str, Any]:
    """Write train/, heldout/ and manifest.json into ``folder``, and return the manifest.

    The same options give the same bytes. The manifest of the held-out split tells what a baseline that was fitted to
    the training split makes of it: an evaluation sees the held-out one alone.
    """
    everything = records()
    held = heldout_numbers(everything[:, PIXELS], seed=options.seed, share=options.heldout_fraction)
    splits = {TRAIN: np.delete(everything, held, axis=0), HELDOUT: everything[held]}
    baseline = {"logistic_regression_accuracy": logistic_regression_accuracy(splits[TRAIN], splits[HELDOUT])}
    further = {TRAIN: {}, HELDOUT: baseline}
    manifests = {}
    for split, content in splits.items():
        writer = TokenWriter(folder / split, dtype="uint8", shard_tokens=options.shard_images * RECORD)
        writer.write(content.tobytes())
        manifests[split] = writer.close({**SOURCE, "split": split, **further[split]})
    manifest = {
        "version": 1,
        "workload": NAME,
        "options": dataclasses.asdict(options),
        "source": SOURCE,
        "splits": {
            split: {"images": len(content), "digits": np.bincount(content[:, PIXELS], minlength=CLASSES).tolist()}
            for split, content in splits.items()
        },
        "files": {
            f"{split}/{name}": entry for split, found in manifests.items() for name, entry in found["files"].items()
        },
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def _work(options: PrepareOptions, paths: ContainerPaths) -> None:
    manifest = prepare(options, paths.processing_output(OUTPUT))
    for split, figures in manifest["splits"].items():
        say(f"prepare: {split}: {figures['images']} images")


if __name__ == "__main__":
    sys.exit(processing.run(PrepareOptions, _work))
