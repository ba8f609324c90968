"""The model as a portable float32 graph of any batch and sequence."""

from __future__ import annotations

from pathlib import Path

import torch

from ml_contract.signature import ModelSignature
from ml_contract.workloads.llama import Llama
from training_code.workloads.base import Trained
from training_code.workloads.llama.model import LlamaModel
from training_code.workloads.portable import Portable


def portable(options: Llama, signature: ModelSignature) -> Portable:
    """How the model becomes a graph, checked with batches and lengths other than the example's."""
    length, generator = options.sequence_length, torch.Generator().manual_seed(0)
    shapes = ((1, 1), (1, length), (3, length // 2 + 1), (signature.max_batch_size, min(length, 17)))
    return Portable(
        signature=signature,
        example=(torch.zeros((2, length), dtype=torch.int64),),
        dynamic=({0: "batch", 1: "sequence"},),
        checks=[(torch.randint(0, options.vocabulary, shape, generator=generator),) for shape in shapes],
    )


def write_graph(folder: Path, options: Llama, trained: Trained, signature: ModelSignature) -> float:
    """Write model.onnx and samples.npz; the largest difference of a score between graph and model.

    Raises:
        GraphDiffers: The graph does not compute what the model computes.
    """
    model = LlamaModel(options)
    model.load_state_dict({name: weight.float() for name, weight in trained.weights.items()})
    return portable(options, signature).write_graph(folder, model)
