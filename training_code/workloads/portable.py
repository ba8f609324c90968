"""An artifact that runs without this project: weights, a portable graph that was held against the model, a manifest."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ml_contract.manifest import ArtifactManifest
from ml_contract.signature import ModelSignature
from training_code.log import say
from training_code.workloads.base import Trained
from training_code.workloads.graph import GRAPH, open_graph

WEIGHTS = "model.safetensors"
TOLERANCE = 1e-3
"""Largest difference of an output between graph and model: float32 sums in another order, over all layers."""


class GraphDiffers(RuntimeError):
    """The exported graph does not compute what the model computes."""


@dataclass(frozen=True, kw_only=True)
class Portable:
    """How a model of one input and one output becomes a graph, and what it is checked with."""

    signature: ModelSignature
    example: Tensor
    """An input, of a batch of at least 2."""
    dynamic: Mapping[int, str]
    """Dimensions of the input that may have any size, by name: the batch and whatever else."""
    checks: Iterable[Tensor]
    """Inputs for which graph and model must agree, of other sizes than the example's."""

    def write(self, folder: Path, model: nn.Module, trained: Trained) -> ArtifactManifest:
        """Write model.safetensors, model.onnx and manifest.json into ``folder``, which becomes the artifact.

        Args:
            folder: Created where it is missing.
            model: On the CPU; gets the trained weights.
            trained: What the run hands over.

        Raises:
            GraphDiffers: The graph failed its check; it is removed again, and no manifest is written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        model.load_state_dict(dict(trained.weights))
        model.eval()
        save_file({name: tensor.contiguous() for name, tensor in trained.weights.items()}, folder / WEIGHTS)
        self.export_graph(model, folder / GRAPH)
        try:
            difference = self.compare(model, folder / GRAPH)
        except GraphDiffers:
            (folder / GRAPH).unlink()
            raise
        manifest = ArtifactManifest.describe(
            folder,
            workload=trained.run.workload.kind,
            signature=self.signature,
            metrics={**trained.figures, "graph_difference": difference},
            provenance=trained.provenance,
        )
        manifest.write(folder)
        say(f"export: {', '.join(manifest.files)}; graph and model differ by at most {difference:.1e}")
        return manifest

    def export_graph(self, model: nn.Module, path: Path) -> None:
        """Export to ONNX."""
        (name,), (output,) = self._names
        sizes = {dimension: torch.export.Dim(size) for dimension, size in self.dynamic.items()}
        # The exporter warns of torchvision's absence and of its own internals; the check judges what it made.
        logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model, (self.example,), path, dynamo=True, dynamic_shapes={name: sizes}, input_names=[name],
                output_names=[output], external_data=False, verbose=False,
            )  # fmt: skip

    def compare(self, model: nn.Module, path: Path) -> float:
        """Largest difference of an output between graph and model.

        Raises:
            GraphDiffers: It exceeds ``TOLERANCE``, or the graph refuses a shape.
        """
        (name,), (output,) = self._names
        session, largest = open_graph(path), 0.0
        for given in self.checks:
            with torch.no_grad():
                expected = model(given).numpy()
            found = session.run([output], {name: given.numpy()})[0]
            difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else float("inf")
            if not difference <= TOLERANCE:
                raise GraphDiffers(
                    f"{path.name}: for {name} of shape {tuple(given.shape)} its {output} differ from the model's by"
                    f" {difference}, more than {TOLERANCE}"
                )
            largest = max(largest, difference)
        return largest

    @property
    def _names(self) -> tuple[list[str], list[str]]:
        return [tensor.name for tensor in self.signature.inputs], [tensor.name for tensor in self.signature.outputs]
