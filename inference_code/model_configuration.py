"""config.pbtxt, Triton's model configuration, from a typed signature.

Source: triton-inference-server/common, protobuf/model_config.proto (message ModelConfig), read 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ml_contract.packaging import PackageOptions
from ml_contract.signature import ModelSignature, Tensor

FILE_NAME = "config.pbtxt"


def model_configuration(name: str, signature: ModelSignature, options: PackageOptions) -> str:
    """The text of config.pbtxt.

    Args:
        name: The served model's name, which is also its folder's.
        signature: What the graph takes and gives. Shapes stay without the batch: ``max_batch_size`` adds it.
        options: How the server runs the graph.

    Raises:
        ContractError: The options ask for larger batches than the graph takes.
    """
    batch_size = options.batch_size(signature.max_batch_size)
    lines = [f"name: {_text(name)}", f"backend: {_text(options.backend)}", f"max_batch_size: {batch_size}"]
    lines += _tensors("input", signature.inputs)
    lines += _tensors("output", signature.outputs)
    lines += [
        "instance_group [",
        f"  {{ kind: {options.instance_kind}, count: {options.instance_count} }}",
        "]",
        "version_policy { latest { num_versions: 1 } }",
    ]
    if options.dynamic_batching and batch_size > 1:
        lines += ["dynamic_batching {", *_batching(options), "}"]
    lines += _parameters(options)
    return "\n".join(lines) + "\n"


def _tensors(kind: str, tensors: Sequence[Tensor]) -> Iterator[str]:
    yield f"{kind} ["
    for index, tensor in enumerate(tensors):
        dims = ", ".join(map(str, tensor.shape))
        comma = "," if index + 1 < len(tensors) else ""
        yield f"  {{ name: {_text(tensor.name)}, data_type: {tensor.dtype.triton}, dims: [ {dims} ] }}{comma}"
    yield "]"


def _batching(options: PackageOptions) -> Iterator[str]:
    if options.preferred_batch_sizes:
        yield f"  preferred_batch_size: [ {', '.join(map(str, options.preferred_batch_sizes))} ]"
    if options.max_queue_delay_microseconds:
        yield f"  max_queue_delay_microseconds: {options.max_queue_delay_microseconds}"


def _parameters(options: PackageOptions) -> Iterator[str]:
    # The names are those of Triton's onnxruntime backend; model.py of the python backend reads the same.
    for key, value in (("intra_op_thread_count", options.threads), ("inter_op_thread_count", 1)):
        yield f"parameters {{ key: {_text(key)}, value {{ string_value: {_text(str(value))} }} }}"


def _text(value: str) -> str:
    # The names that reach here are ASCII, where JSON's quoting is protobuf text format's too.
    return json.dumps(value)
