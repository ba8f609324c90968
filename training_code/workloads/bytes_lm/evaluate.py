"""Processing job: bits per byte of the artifact on held-out files, beside baselines on the same bytes."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from ml_contract.errors import reject
from ml_contract.hyperparameters import decode_values
from ml_contract.manifest import ArtifactManifest
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.bytes_lm import NAME, BytesLm, EvaluateOptions
from training_code import processing
from training_code.data.tokens import TokenShards
from training_code.log import say
from training_code.workloads import evaluation
from training_code.workloads.bytes_lm import baselines
from training_code.workloads.bytes_lm.graph import INPUT, OUTPUT
from training_code.workloads.graph import GRAPH, open_graph


def evaluate(options: EvaluateOptions, artifact: Path, heldout: Path) -> dict[str, Any]:
    """Score the artifact's graph, which is what serving runs, on the first held-out bytes.

    Args:
        options: How much to score.
        artifact: Folder with manifest.json, verified here.
        heldout: Folder of the split's shards, verified here.

    Raises:
        ContractError: Artifact or shards are damaged, or the artifact is another workload's.
    """
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    if manifest.workload != NAME or GRAPH not in manifest.files:
        reject("workload", manifest.workload, f"this evaluates {NAME} with {GRAPH}", "Name its artifact.")
    workload = decode_values(TrainingRun, manifest.provenance["hyperparameters"]).workload
    assert isinstance(workload, BytesLm)
    length = workload.sequence_length
    shards = TokenShards.open(heldout)
    content = shards.read(0, min(len(shards), options.maximum_bytes))
    started = time.monotonic()
    bits = bits_per_byte(open_graph(artifact / GRAPH), content, length=length, batch=options.batch_size)
    seconds = time.monotonic() - started
    order0 = baselines.order0_bits_per_byte(content.tobytes())
    return {
        "bits_per_byte": bits,
        "order0_bits_per_byte": order0,
        "xz_bits_per_byte": baselines.xz_bits_per_byte(content.tobytes()),
        "heldout_bytes": len(content),
        "heldout_digest": shards.digest,
        "sequence_length": length,
        "steps": manifest.provenance["steps"],
        "bytes_per_second": len(content) / seconds,
        "graph_sha256": manifest.files[GRAPH].sha256,
        "beats_order0": bits < order0,
    }


def bits_per_byte(
    session: onnxruntime.InferenceSession, content: npt.NDArray[np.uint8], *, length: int, batch: int
) -> float:
    """Mean cost of a byte, every byte of ``content`` counted once.

    Each window of ``length`` bytes predicts the one after each of its positions, so a byte is predicted from 1 to
    ``length`` bytes before it; the very first has none and costs 8 bits.
    """
    nats = 0.0
    whole = (len(content) - 1) // length
    starts = np.arange(whole) * length
    for first in range(0, whole, batch):
        windows = starts[first : first + batch, None] + np.arange(length + 1)
        nats += _nats(session, content[windows])
    rest = content[whole * length :]
    if len(rest) > 1:
        nats += _nats(session, rest[None])
    return (baselines.BITS + nats / math.log(2)) / len(content)


def _nats(session: onnxruntime.InferenceSession, windows: npt.NDArray[np.uint8]) -> float:
    tokens = windows.astype(np.int64)
    logits = session.run([OUTPUT], {INPUT: tokens[:, :-1]})[0].astype(np.float64)
    highest = logits.max(-1, keepdims=True)
    normalizer = highest[..., 0] + np.log(np.exp(logits - highest).sum(-1))
    chosen = np.take_along_axis(logits, tokens[:, 1:, None], -1)[..., 0]
    return float((normalizer - chosen).sum())


def _work(options: EvaluateOptions, paths: ContainerPaths) -> None:
    found = evaluation.run(paths, lambda artifact, heldout: evaluate(options, artifact, heldout))
    say(f"evaluate: {found['bits_per_byte']:.3f} bits per byte on {found['heldout_bytes']} held-out bytes; "
        f"order 0: {found['order0_bits_per_byte']:.3f}, xz: {found['xz_bits_per_byte']:.3f}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(processing.run(EvaluateOptions, _work))
