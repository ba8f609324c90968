"""8-bit weights are packed with what they cost, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from inference_code.quantization import quantize
from inference_code.repository import build
from ml_contract.errors import ContractError
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import Int8, PackageOptions

from .graphs import INNER, WIDTH, describe

OPTIONS = PackageOptions(backend="python", quantization=Int8())


def test_a_repository_says_what_eight_bits_cost(artifact: Path, tmp_path: Path) -> None:
    built = build(artifact, tmp_path / "repository", OPTIONS)
    figures = ArtifactManifest.read(tmp_path / "repository").packaging["quantization"]["bytes_lm"]
    assert figures == built.manifest.packaging["quantization"]["bytes_lm"]
    tokens = np.arange(60, dtype=np.int64).reshape(3, 20)
    graphs = (artifact / "model.onnx", tmp_path / "repository/bytes_lm/1/model.onnx")
    one, two = (onnxruntime.InferenceSession(path).run(None, {"tokens": tokens})[0].ravel() for path in graphs)
    cosine = float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
    assert 0.999 < cosine < 1
    assert figures["cosine"] == pytest.approx(cosine, abs=1e-4)
    assert 0 < figures["maximum_error"] < 0.1
    # A quarter of the matrix; the table stays as it is.
    assert figures["bytes"] - figures["int8_bytes"] > 0.7 * INNER * WIDTH * 4
    assert figures["speedup"] == pytest.approx(figures["milliseconds"] / figures["int8_milliseconds"])


@pytest.mark.parametrize(
    ("bounds", "field"),
    [
        ({"minimum_cosine": 1.0}, "quantization.minimum_cosine"),
        ({"maximum_error": 1e-6}, "quantization.maximum_error"),
        ({"minimum_speedup": 999}, "quantization.minimum_speedup"),
    ],
)
def test_what_costs_more_than_it_may_is_not_packed(
    artifact: Path, tmp_path: Path, bounds: dict[str, float], field: str
) -> None:
    with pytest.raises(ContractError) as raised:
        build(artifact, tmp_path / "repository", replace(OPTIONS, quantization=Int8(**bounds)))
    assert raised.value.field == field
    assert not (tmp_path / "repository/manifest.json").exists()


def test_without_samples_there_is_no_measure(artifact: Path, tmp_path: Path) -> None:
    (artifact / "samples.npz").unlink()
    describe(artifact)
    with pytest.raises(ContractError, match=r"^quantization: got 'samples\.npz', but the artifact has no such file"):
        build(artifact, tmp_path / "repository", OPTIONS)


def test_shapes_that_the_exporter_noted_do_not_stand_in_the_way(artifact: Path, tmp_path: Path) -> None:
    model = onnx.load(artifact / "model.onnx")
    model.graph.value_info.append(helper.make_tensor_value_info("row", TensorProto.FLOAT, ["batch", "sequence", 7]))
    onnx.save(model, tmp_path / "noted.onnx")
    figures = quantize(tmp_path / "noted.onnx", tmp_path / "int8.onnx", Int8(), artifact / "samples.npz")
    assert figures["cosine"] > 0.999


def test_a_graph_without_such_a_product(tmp_path: Path, artifact: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Cast", ["tokens"], ["logits"], to=TensorProto.FLOAT)],
        "cast",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence"])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "a.onnx")
    with pytest.raises(ContractError, match="the graph has no product with a constant matrix"):
        quantize(tmp_path / "a.onnx", tmp_path / "b.onnx", Int8(), artifact / "samples.npz")


def test_scales_of_columns_are_more_exact(artifact: Path, tmp_path: Path) -> None:
    model = onnx.load(artifact / "model.onnx")
    matrix = onnx.numpy_helper.to_array(model.graph.initializer[1]) * np.logspace(-3, 0, 256, dtype=np.float32)
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(matrix, "matrix"))
    onnx.save(model, tmp_path / "uneven.onnx")
    tokens = np.arange(200, dtype=np.int64)[None]
    exact = onnxruntime.InferenceSession(tmp_path / "uneven.onnx").run(None, {"tokens": tokens})[0]
    errors = {}
    for per_channel in (False, True):
        target = tmp_path / f"{per_channel}.onnx"
        quantize(tmp_path / "uneven.onnx", target, Int8(per_channel=per_channel), artifact / "samples.npz")
        found = onnxruntime.InferenceSession(target).run(None, {"tokens": tokens})[0]
        # Of the smallest column, which a scale for all rounds away.
        errors[per_channel] = float(np.abs(found - exact)[..., 0].max() / np.abs(exact)[..., 0].max())
    assert errors[True] < 0.1 < errors[False]
