"""The model that serving is measured on, small or large, as an artifact and as a repository."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from inference_code.repository import build
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import PackageOptions
from ml_contract.signature import DType, ModelSignature, Tensor

TOKENS, VOCABULARY, CLASSES, LAYERS, LARGEST_BATCH = 64, 256, 8, 6, 32
NAME = "classifier"


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Token embeddings, feed-forward layers of one width over every token, a mean over the tokens, eight classes.

    A transformer's arithmetic without its attention: a request is small, and its work grows with the width.
    """

    width: int
    """Of the embeddings and of each layer."""

    @property
    def signature(self) -> ModelSignature:
        """Tokens in, classes out."""
        return ModelSignature(
            inputs=(Tensor(name="tokens", dtype=DType.INT64, shape=(TOKENS,)),),
            outputs=(Tensor(name="classes", dtype=DType.FP32, shape=(CLASSES,)),),
            max_batch_size=LARGEST_BATCH,
        )

    def write(self, folder: Path, name: str = NAME) -> Path:
        """The artifact below ``folder/artifact``, the repository below ``folder/repository``: the latter."""
        artifact = folder / "artifact"
        artifact.mkdir(parents=True)
        onnx.save(self._graph(), artifact / "model.onnx")
        ArtifactManifest.describe(artifact, workload=name, signature=self.signature, metrics={}, provenance={}).write(
            artifact
        )
        build(artifact, folder / "repository", PackageOptions(backend="python"))
        return folder / "repository"

    def _graph(self) -> Any:
        draw = np.random.default_rng(0)

        def weights(name: str, *shape: int) -> Any:
            matrix = draw.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[0]))
            return numpy_helper.from_array(matrix, name)

        kept = [weights("table", VOCABULARY, self.width)]
        nodes = [helper.make_node("Gather", ["table", "tokens"], ["a0"])]
        for layer in range(LAYERS):
            kept.append(weights(f"w{layer}", self.width, self.width))
            nodes.append(helper.make_node("MatMul", [f"a{layer}", f"w{layer}"], [f"m{layer}"]))
            nodes.append(helper.make_node("Relu", [f"m{layer}"], [f"a{layer + 1}"]))
        kept.append(weights("head", self.width, CLASSES))
        nodes.append(helper.make_node("ReduceMean", [f"a{LAYERS}"], ["mean"], axes=[1], keepdims=0))
        nodes.append(helper.make_node("MatMul", ["mean", "head"], ["classes"]))
        given = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", TOKENS])
        answered = helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["batch", CLASSES])
        graph = helper.make_graph(nodes, NAME, [given], [answered], kept)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def rows(count: int) -> Any:
    """Requests as one batch."""
    return np.ones((count, TOKENS), dtype=np.int64)


def session(graph: Path, threads: int = 1) -> Any:
    """onnxruntime on ``threads`` processors, as the packaged model runs it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
