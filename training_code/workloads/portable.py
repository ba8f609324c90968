"""An artifact that runs without this project: weights, portable graphs that were held against the model, a manifest."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ml_contract.manifest import ArtifactManifest
from ml_contract.samples import graph_file, name_of, samples_file
from ml_contract.signature import ModelSignature
from training_code.log import say
from training_code.workloads.base import Trained
from training_code.workloads.graph import open_graph
from training_code.workloads.translations import TRANSLATIONS

WEIGHTS = "model.safetensors"
TOLERANCE = 1e-3
"""Largest difference of an output between graph and model: float32 sums in another order, over all layers."""
_LARGEST = 2**31 - 2**20
"""Bytes of a graph with its weights inside; protobuf messages end at 2 GiB. Weights of a larger one lie beside it."""


class GraphDiffers(RuntimeError):
    """The exported graph does not compute what the model computes."""


@dataclass(frozen=True, kw_only=True)
class Portable:
    """How a model becomes a graph, and what it is checked with. Inputs are in the order of the signature."""

    signature: ModelSignature
    example: tuple[Tensor, ...]
    """Inputs, of a batch of at least 2."""
    dynamic: tuple[Mapping[int, str], ...]
    """Dimensions of each input that may have any size, by name: the batch and whatever else."""
    checks: Sequence[tuple[Tensor, ...]]
    """Inputs for which graph and model must agree, of other sizes than the example's. They go into the artifact, so
    that whoever changes the graph can measure what that costs."""
    opset: int = 18
    """Version of ONNX's operators. From 23 on attention is one operator, which a runtime may compute without ever
    holding all its weights; older runtimes do not know it."""

    def write(self, folder: Path, model: nn.Module, trained: Trained) -> ArtifactManifest:
        """Write model.safetensors, model.onnx, samples.npz and manifest.json into ``folder``, which becomes the
        artifact.

        Args:
            folder: Created where it is missing.
            model: On the CPU; gets the trained weights.
            trained: What the run hands over.

        Raises:
            GraphDiffers: The graph failed its check; it is removed again, and no manifest is written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        model.load_state_dict(dict(trained.weights))
        save_file({name: tensor.contiguous() for name, tensor in trained.weights.items()}, folder / WEIGHTS)
        difference = self.write_graph(folder, model)
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

    def write_graph(self, folder: Path, model: nn.Module, part: str | None = None) -> float:
        """Write a model's graph, and the inputs that it was checked with.

        Args:
            folder: The artifact.
            model: On the CPU, float32.
            part: Which part of an ensemble it is; None for an artifact that is one model.

        Returns:
            Largest difference of an output between graph and model.

        Raises:
            GraphDiffers: It exceeds ``TOLERANCE``; nothing of the graph is left.
        """
        path = folder / graph_file(part)
        model.eval()
        self.export_graph(model, path)
        try:
            difference = self.compare(model, path)
        except GraphDiffers:
            for file in folder.glob(f"{path.name}*"):
                file.unlink()
            raise
        arrays: dict[str, Any] = {
            name_of(sample, tensor.name): given.numpy()
            for sample, inputs in enumerate(self.checks)
            for tensor, given in zip(self.signature.inputs, inputs, strict=True)
        }
        np.savez(folder / samples_file(part), **arrays)
        return difference

    def export_graph(self, model: nn.Module, path: Path) -> None:
        """Export to ONNX."""
        names, outputs = self._names
        known = {size: torch.export.Dim(size) for dynamic in self.dynamic for size in dynamic.values()}
        sizes = tuple({place: known[size] for place, size in dynamic.items()} for dynamic in self.dynamic)
        held = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
        # The exporter warns of torchvision's absence and of its own internals; the check judges what it made.
        logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model, self.example, path, dynamo=True, dynamic_shapes=sizes, input_names=names, output_names=outputs,
                external_data=held > _LARGEST, custom_translation_table=TRANSLATIONS, verbose=False,
                opset_version=self.opset,
            )  # fmt: skip

    def compare(self, model: nn.Module, path: Path) -> float:
        """Largest difference of an output between graph and model.

        Raises:
            GraphDiffers: It exceeds ``TOLERANCE``, or the graph refuses a shape.
        """
        names, outputs = self._names
        session, largest = open_graph(path), 0.0
        for inputs in self.checks:
            with torch.no_grad():
                wanted = model(*inputs)
            found = session.run(outputs, {name: given.numpy() for name, given in zip(names, inputs, strict=True)})
            for output, expected, got in zip(outputs, [wanted] if len(outputs) == 1 else wanted, found, strict=True):
                difference = _difference(got, expected.numpy())
                if not difference <= TOLERANCE:
                    raise GraphDiffers(
                        f"{path.name}: for {names[0]} of shape {tuple(inputs[0].shape)} its {output} differ from the"
                        f" model's by {difference}, more than {TOLERANCE}"
                    )
                largest = max(largest, difference)
        return largest

    @property
    def _names(self) -> tuple[list[str], list[str]]:
        return [tensor.name for tensor in self.signature.inputs], [tensor.name for tensor in self.signature.outputs]


def _difference(found: Any, expected: Any) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.abs(found.astype(np.float64) - expected.astype(np.float64)).max())
