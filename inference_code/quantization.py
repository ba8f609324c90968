"""8-bit weights by ONNX Runtime, measured before they are packed: accuracy beside speed."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from ml_contract.errors import reject
from ml_contract.packaging import Int8
from ml_contract.samples import grouped

Sample = Mapping[str, Any]
_ROUNDS = 9
"""Times that each graph runs each sample; the median counts."""


def quantize(graph: Path, target: Path, options: Int8, samples: Path) -> dict[str, float]:
    """Write ``graph`` with 8-bit weights to ``target``, and measure it against the original on the samples.

    Args:
        graph: The exported graph.
        target: The quantised one.
        options: How, and what it may cost.
        samples: The artifact's inputs for the graph, an npz file.

    Returns:
        For the repository's manifest: smallest cosine and largest error of any output, milliseconds of all samples for
        both graphs on this host with one thread, their ratio, and bytes of both.

    Raises:
        ContractError: There are no samples, nothing could be quantised, or it costs more than the options allow.
    """
    if not samples.is_file():
        reject("quantization", samples.name, "the artifact has no such file, by which accuracy is measured",
               "Export the model again, or leave quantization out.")  # fmt: skip
    with np.load(samples) as arrays:
        given = grouped(dict(arrays))
    _write(graph, target, options)
    _refuse_same(graph, target)
    original, changed = _session(graph), _session(target)
    found = _accuracy(original, changed, given)
    before, after = _times(original, changed, given)
    figures = {
        **found, "milliseconds": before * 1e3, "int8_milliseconds": after * 1e3, "speedup": before / after,
        "bytes": float(_size(graph)), "int8_bytes": float(_size(target)),
    }  # fmt: skip
    _judge(figures, options)
    return figures


def _write(graph: Path, target: Path, options: Int8) -> None:
    model = onnx.load(graph)
    # The shapes that the exporter noted contradict the ones that quantisation infers.
    del model.graph.value_info[:]
    large = _size(graph) > 2**31 - 2**20
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / graph.name
        onnx.save(model, plain, save_as_external_data=large)
        quantize_dynamic(
            plain, target, op_types_to_quantize=["MatMul"], per_channel=options.per_channel,
            weight_type=QuantType.QInt8, use_external_data_format=large,
        )  # fmt: skip


def _refuse_same(graph: Path, target: Path) -> None:
    nodes = onnx.load(target, load_external_data=False).graph.node
    if not any(node.op_type in ("MatMulInteger", "DynamicQuantizeMatMul") for node in nodes):
        reject("quantization", graph.name, "the graph has no product with a constant matrix",
               "Leave quantization out, for this part by its entry in parts.")  # fmt: skip


def _accuracy(original: Any, changed: Any, samples: Sequence[Sample]) -> dict[str, float]:
    cosine, error = 1.0, 0.0
    for sample in samples:
        for wanted, found in zip(original.run(None, sample), changed.run(None, sample), strict=True):
            one, two = wanted.astype(np.float64).ravel(), found.astype(np.float64).ravel()
            length = float(np.linalg.norm(one) * np.linalg.norm(two))
            cosine = min(cosine, float(one @ two) / length if length else float(np.array_equal(one, two)))
            error = max(error, float(np.abs(one - two).max()))
    return {"cosine": cosine, "maximum_error": error}


def _times(original: Any, changed: Any, samples: Sequence[Sample]) -> tuple[float, float]:
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        # One after the other, so that whatever else the host does meets both.
        for session, measured in zip((original, changed), seconds, strict=True):
            started = time.perf_counter()
            for sample in samples:
                session.run(None, sample)
            measured.append(time.perf_counter() - started)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def _judge(figures: Mapping[str, float], options: Int8) -> None:
    way_out = "Leave quantization out, or set another bound after looking at the model's own evaluation."
    if not figures["cosine"] >= options.minimum_cosine:
        reject("quantization.minimum_cosine", round(figures["cosine"], 6), f"it must be at least"
               f" {options.minimum_cosine} on the artifact's samples", way_out)  # fmt: skip
    if options.maximum_error is not None and not figures["maximum_error"] <= options.maximum_error:
        reject("quantization.maximum_error", round(figures["maximum_error"], 6), f"it must be at most"
               f" {options.maximum_error} on the artifact's samples", way_out)  # fmt: skip
    if figures["speedup"] < options.minimum_speedup:
        reject("quantization.minimum_speedup", round(figures["speedup"], 2), f"it must be at least"
               f" {options.minimum_speedup} on this host", way_out)  # fmt: skip


def _session(path: Path) -> Any:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def _size(graph: Path) -> int:
    return sum(path.stat().st_size for path in graph.parent.glob(f"{graph.name}*"))
