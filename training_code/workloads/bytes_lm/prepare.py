"""Processing job: the standard library's sources as shards, split by file into train and held-out."""

from __future__ import annotations

import dataclasses
import json
import platform
import sys
from pathlib import Path
from typing import Any

from ml_contract.errors import reject
from ml_contract.paths import ContainerPaths
from ml_contract.workloads.bytes_lm import NAME, PrepareOptions
from training_code import processing
from training_code.data.split import MANIFEST
from training_code.data.tokens import TokenWriter
from training_code.log import say
from training_code.workloads.bytes_lm import corpus

OUTPUT = "dataset"
TRAIN, HELDOUT = "train", "heldout"
SMALLEST_SPLIT = 4096
"""Bytes; less says nothing about a model."""


def prepare(options: PrepareOptions, folder: Path, *, library: Path) -> dict[str, Any]:
    """Write train/, heldout/ and manifest.json into ``folder``, and return the manifest.

    The same options and library give the same bytes. Whole files are taken until ``maximum_bytes`` are reached.

    Raises:
        ContractError: A split is too small.
    """
    source = {"name": "Python standard library", "python": platform.python_version(), "files": {}}
    writers = {
        split: TokenWriter(folder / split, dtype="uint8", shard_tokens=options.shard_bytes)
        for split in (TRAIN, HELDOUT)
    }
    files: dict[str, dict[str, Any]] = {split: {} for split in writers}
    left = options.maximum_bytes
    for document in corpus.documents(library, options.seed):
        held_out = corpus.is_held_out(document.name, seed=options.seed, share=options.heldout_fraction)
        split = HELDOUT if held_out else TRAIN
        writers[split].write(document.content)
        files[split][document.name] = {"size": len(document.content), "sha256": document.sha256}
        left -= len(document.content)
        if left <= 0:
            break
    for split, writer in writers.items():
        if writer.size < SMALLEST_SPLIT:
            reject("heldout_fraction", options.heldout_fraction, f"it leaves {writer.size} bytes for {split}",
                   f"Leave each split {SMALLEST_SPLIT} bytes, or raise maximum_bytes.")  # fmt: skip
    manifests = {split: writer.close({**source, "files": files[split]}) for split, writer in writers.items()}
    manifest = {
        "version": 1,
        "workload": NAME,
        "options": dataclasses.asdict(options),
        "source": {"name": source["name"], "python": source["python"]},
        "splits": {
            split: {"bytes": found["bytes"], "documents": len(files[split])} for split, found in manifests.items()
        },
        "files": {
            f"{split}/{name}": entry for split, found in manifests.items() for name, entry in found["files"].items()
        },
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest


def _work(options: PrepareOptions, paths: ContainerPaths) -> None:
    manifest = prepare(options, paths.processing_output(OUTPUT), library=corpus.standard_library())
    for split, figures in manifest["splits"].items():
        say(f"prepare: {split}: {figures['documents']} files, {figures['bytes']} bytes")


if __name__ == "__main__":
    sys.exit(processing.run(PrepareOptions, _work))
