"""Graphs and artifacts of a few numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from ml_contract.manifest import ArtifactManifest
from ml_contract.samples import name_of, samples_file
from ml_contract.signature import DType, ModelSignature, Tensor

WIDTH, INNER = 256, 64
SIGNATURE = ModelSignature(
    inputs=(Tensor(name="tokens", dtype=DType.INT64, shape=(-1,)),),
    outputs=(Tensor(name="logits", dtype=DType.FP32, shape=(-1, WIDTH)),),
    max_batch_size=16,
)


def weights(seed: int = 0) -> npt.NDArray[np.float32]:
    """The matrix of :func:`write_graph`."""
    return np.random.default_rng(seed).standard_normal((INNER, WIDTH)).astype(np.float32) / 8


def write_graph(path: Path, *, seed: int = 0) -> Path:
    """A graph of SIGNATURE: a row of a table for each token, times a matrix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = np.random.default_rng(seed + 1).standard_normal((WIDTH, INNER)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "tokens"], ["row"]),
         helper.make_node("MatMul", ["row", "matrix"], ["logits"])],
        "table",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", WIDTH])],
        [onnx.numpy_helper.from_array(table, "table"), onnx.numpy_helper.from_array(weights(seed), "matrix")],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def write_artifact(folder: Path, *, samples: bool = True) -> Path:
    """An artifact of that graph as training leaves it."""
    write_graph(folder / "model.onnx")
    (folder / "model.safetensors").write_bytes(b"weights")
    if samples:
        tokens = np.random.default_rng(2).integers(0, WIDTH, (4, 64))
        np.savez(folder / samples_file(None), **{name_of(0, "tokens"): tokens})
    return describe(folder)


def describe(folder: Path, signature: ModelSignature = SIGNATURE) -> Path:
    """Write the manifest of what lies in ``folder``."""
    ArtifactManifest.describe(
        folder, workload="bytes_lm", signature=signature, metrics={"train:loss": 1.5},
        provenance={"training_job": "job-1"},
    ).write(folder)  # fmt: skip
    return folder
