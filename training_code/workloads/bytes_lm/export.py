"""The artifact: weights, a portable graph that was held against the model, and the manifest."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from ml_contract.manifest import ArtifactManifest
from ml_contract.workloads.bytes_lm import NAME, VOCABULARY, BytesLm
from training_code.log import say
from training_code.workloads.base import Trained
from training_code.workloads.bytes_lm.graph import GRAPH, INPUT, MAX_BATCH_SIZE, OUTPUT, open_graph, signature
from training_code.workloads.bytes_lm.model import ByteTransformer

WEIGHTS = "model.safetensors"
TOLERANCE = 1e-3
"""Largest difference of a logit between graph and model: float32 sums in another order, over all layers."""


class GraphDiffers(RuntimeError):
    """The exported graph does not compute what the model computes."""


def write(folder: Path, options: BytesLm, trained: Trained) -> ArtifactManifest:
    """Write model.safetensors, model.onnx and manifest.json into ``folder``, which becomes the artifact.

    Raises:
        GraphDiffers: The graph failed its check; it is removed again, and no manifest is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = ByteTransformer(options)
    model.load_state_dict(dict(trained.weights))
    model.eval()
    save_file({name: tensor.contiguous() for name, tensor in trained.weights.items()}, folder / WEIGHTS)
    export_graph(model, folder / GRAPH, length=options.sequence_length)
    try:
        difference = compare(model, folder / GRAPH, length=options.sequence_length)
    except GraphDiffers:
        (folder / GRAPH).unlink()
        raise
    manifest = ArtifactManifest.describe(
        folder,
        workload=NAME,
        signature=signature(),
        metrics={**trained.figures, "graph_difference": difference},
        provenance=trained.provenance,
    )
    manifest.write(folder)
    say(f"export: {', '.join(manifest.files)}; graph and model differ by at most {difference:.1e}")
    return manifest


def export_graph(model: ByteTransformer, path: Path, *, length: int) -> None:
    """Export to ONNX with dynamic batch and sequence."""
    example = torch.zeros((2, length), dtype=torch.int64)
    dynamic = {INPUT: {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence")}}
    # The exporter warns of torchvision's absence and of its own internals; the check below judges what it made.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (example,), path, dynamo=True, dynamic_shapes=dynamic, input_names=[INPUT], output_names=[OUTPUT],
            external_data=False, verbose=False,
        )  # fmt: skip


def compare(model: ByteTransformer, path: Path, *, length: int) -> float:
    """Largest difference of a logit between graph and model over batches and lengths other than the exported ones.

    Raises:
        GraphDiffers: It exceeds ``TOLERANCE``, or the graph refuses a shape.
    """
    session = open_graph(path)
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for batch, sequence in ((1, 1), (1, length), (3, length // 2 + 1), (MAX_BATCH_SIZE, min(length, 17))):
        tokens = torch.randint(0, VOCABULARY, (batch, sequence), generator=generator)
        with torch.no_grad():
            expected = model(tokens).numpy()
        found = session.run([OUTPUT], {INPUT: tokens.numpy()})[0]
        difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
        if not difference <= TOLERANCE:
            raise GraphDiffers(
                f"{path.name}: for tokens of shape {(batch, sequence)} its logits differ from the model's by"
                f" {difference}, more than {TOLERANCE}"
            )
        largest = max(largest, difference)
    return largest
