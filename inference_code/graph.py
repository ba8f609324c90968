"""Exported graphs, held against the signature that the manifest names for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx

from ml_contract.errors import reject
from ml_contract.signature import DType, ModelSignature, Tensor

_WAY_OUT = "Export the model again: manifest and graph are of one version then."
TYPES = {
    onnx.TensorProto.BOOL: DType.BOOL, onnx.TensorProto.UINT8: DType.UINT8, onnx.TensorProto.INT32: DType.INT32,
    onnx.TensorProto.INT64: DType.INT64, onnx.TensorProto.FLOAT16: DType.FP16, onnx.TensorProto.BFLOAT16: DType.BF16,
    onnx.TensorProto.FLOAT: DType.FP32, onnx.TensorProto.DOUBLE: DType.FP64, onnx.TensorProto.STRING: DType.STRING,
}  # fmt: skip


def hold(path: Path, signature: ModelSignature) -> None:
    """Refuse a graph that takes or gives something else than ``signature`` says.

    Args:
        path: The graph; weights beside it are not read.
        signature: Shapes without the batch, which the graph must take in any size.

    Raises:
        ContractError: It is no graph, or a tensor is missing, is another's, or differs in type or shape.
    """
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:  # protobuf's errors have no common base
        reject(path.name, f"{type(error).__name__}: {error}".splitlines()[0], "it must be an ONNX graph", _WAY_OUT)
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    for kind, declared, found in (
        ("inputs", signature.inputs, inputs), ("outputs", signature.outputs, list(graph.output))
    ):  # fmt: skip
        _compare(f"{path.name} {kind}", declared, {value.name: value.type.tensor_type for value in found})


def _compare(field: str, declared: Sequence[Tensor], found: Mapping[str, Any]) -> None:
    names = [tensor.name for tensor in declared]
    if set(names) != set(found):
        reject(field, sorted(found), f"the signature names {', '.join(sorted(names))}", _WAY_OUT)
    for tensor in declared:
        kind = found[tensor.name]
        dtype = TYPES.get(kind.elem_type)
        if dtype is not tensor.dtype:
            given = dtype.value if dtype else onnx.TensorProto.DataType.Name(kind.elem_type)
            reject(f"{field}: {tensor.name}", given, f"the signature says {tensor.dtype.value}", _WAY_OUT)
        shape = tuple(_sizes(kind))
        batch, own = shape[:1], shape[1:]
        fits = len(own) == len(tensor.shape) and all(b in (-1, a) for a, b in zip(tensor.shape, own, strict=True))
        if batch != (-1,) or not fits:
            reject(f"{field}: {tensor.name}", list(shape), "the signature says "
                   f"{[-1, *tensor.shape]} with the batch (-1: any size)", _WAY_OUT)  # fmt: skip


def _sizes(kind: Any) -> Iterator[int]:
    for size in kind.shape.dim:
        yield size.dim_value if size.HasField("dim_value") else -1
