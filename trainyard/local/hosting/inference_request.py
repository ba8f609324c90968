"""What may reach the model server: requests that it can read, checked before it sees them.

The wheel's server (2.51) answers 500 to a body that it cannot read, where newer ones answer 400, and some bodies end
its process: values nested some thousand deep, a shape of more elements than memory. The rules are those of the KServe
v2 inference protocol, "Inference Request JSON Object", with Triton's extension for binary tensor data
(triton-inference-server/server, protocol/extension_binary_data.md), both read 2026-11.
"""

import math
import re
from itertools import chain
from typing import Any

from trainyard.local.hosting.json_body import BodyError, kind_of, member, parse

BINARY = "application/vnd.sagemaker-triton.binary+json"
_HEADER_SIZE = re.compile(rf"{re.escape(BINARY)};\s*json-header-size=(-?\d+)", re.ASCII)
_MAXIMUM_ELEMENTS = 2**31

_SIZES = {
    "BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8,
    "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8, "BYTES": 0,
}  # fmt: skip
_NO_JSON = ("FP16", "BF16")


def check(body: bytes, content_type: str) -> None:
    """Refuses a body that is no inference request.

    Args:
        body: the request's body.
        content_type: its Content-Type: Triton's binary one with a header size, or anything else for JSON.

    Raises:
        BodyError: it is none.
    """
    header, tail = _split(body, content_type)
    if not header:
        # A header of no bytes: the whole body is the one input of the model, in its raw form.
        if content_type.strip().startswith(BINARY) and tail:
            return
        raise BodyError("body: it is empty, but an inference request is a JSON object with 'inputs'")
    document = parse(header)
    inputs = member(document, "", "inputs", list)
    left = len(tail)
    for index, tensor in enumerate(inputs):
        left -= _check_input(tensor, f"inputs[{index}]")
    if left > 0:
        raise BodyError(f"body: {left} bytes follow the JSON header that no input's binary_data_size accounts for")
    if left < 0:
        raise BodyError(f"body: {-left} bytes are missing of what the inputs' binary_data_size say")
    for index, output in enumerate(member(document, "", "outputs", list, default=[])):
        _check_output(output, f"outputs[{index}]")
    member(document, "", "id", str, default="")
    member(document, "", "parameters", dict, default={})


def _split(body: bytes, content_type: str) -> tuple[bytes, bytes]:
    if not content_type.strip().startswith(BINARY):
        return body, b""
    match = _HEADER_SIZE.fullmatch(content_type.strip())
    if match is None:
        raise BodyError(f"Content-Type: got {content_type!r}, but it is written {BINARY};json-header-size=BYTES")
    size = int(match[1])
    if not 0 <= size <= len(body):
        raise BodyError(f"json-header-size: got {size}, but the body has {len(body)} bytes")
    return body[:size], body[size:]


def _check_input(tensor: Any, path: str) -> int:
    """Checks one input; how many bytes of the binary part it takes."""
    if not isinstance(tensor, dict):
        raise BodyError(f"{path}: got a JSON {kind_of(tensor)}, but an input is an object")
    member(tensor, path, "name", str)
    kind = member(tensor, path, "datatype", str)
    if kind not in _SIZES:
        raise BodyError(f"{path}.datatype: got {kind[:40]!r}, but it is one of {', '.join(_SIZES)}")
    shape = member(tensor, path, "shape", list)
    if any(type(size) is not int or size < 0 for size in shape):
        raise BodyError(f"{path}.shape: got {str(shape)[:80]}, but a shape is a list of integers from 0")
    count = math.prod(shape)
    if count > _MAXIMUM_ELEMENTS:
        raise BodyError(f"{path}.shape: got {shape}, but a tensor has at most {_MAXIMUM_ELEMENTS} elements")
    parameters = member(tensor, path, "parameters", dict, default={})
    if "shared_memory_region" in parameters:
        raise BodyError(f"{path}.parameters.shared_memory_region: an endpoint shares no memory with its clients")
    if "binary_data_size" in parameters:
        return _check_binary(tensor, parameters["binary_data_size"], count, kind, path)
    _check_data(member(tensor, path, "data", list), count, kind, path)
    return 0


def _check_binary(tensor: dict[str, Any], size: Any, count: int, kind: str, path: str) -> int:
    if type(size) is not int or size < 0:
        raise BodyError(f"{path}.parameters.binary_data_size: got {str(size)[:40]}, but it is an integer from 0")
    if "data" in tensor:
        raise BodyError(f"{path}: it has both 'data' and 'binary_data_size', but only one of them may be there")
    if kind != "BYTES" and size != count * _SIZES[kind]:
        shape = tensor["shape"]
        raise BodyError(
            f"{path}.parameters.binary_data_size: got {size}, but {kind} of shape {shape} has {count * _SIZES[kind]}"
        )
    return size


def _check_data(data: list[Any], count: int, kind: str, path: str) -> None:
    if kind in _NO_JSON:
        raise BodyError(f"{path}.datatype: got {kind!r}, which JSON cannot carry: send it as binary data")
    while any(isinstance(item, list) for item in data):
        data = list(chain.from_iterable(item if isinstance(item, list) else [item] for item in data))
    if len(data) != count:
        raise BodyError(f"{path}.data: got {len(data)} elements, but the shape has {count}")
    if not _fit(data, kind):
        index, item = next((index, item) for index, item in enumerate(data) if not _fit([item], kind))
        raise BodyError(f"{path}.data[{index}]: got {str(item)[:40]!r}, but an element is of type {kind}")


def _fit(data: list[Any], kind: str) -> bool:
    """Whether every element is of a type; over whole lists, for they may have a million elements."""
    kinds = set(map(type, data))
    if kind == "BYTES":
        return kinds <= {str}
    if kind.startswith("FP"):
        return kinds <= {int, float}
    if kind == "BOOL":
        return kinds <= {bool, int} and set(data) <= {0, 1}
    bits = 8 * _SIZES[kind]
    low, high = (0, 2**bits - 1) if kind.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return kinds <= {int} and (not data or (low <= min(data) and max(data) <= high))


def _check_output(output: Any, path: str) -> None:
    if not isinstance(output, dict):
        raise BodyError(f"{path}: got a JSON {kind_of(output)}, but an output is an object")
    member(output, path, "name", str)
    parameters = member(output, path, "parameters", dict, default={})
    if not isinstance(parameters.get("binary_data", False), bool):
        raise BodyError(f"{path}.parameters.binary_data: it must be true or false")
    classes = parameters.get("classification", 1)
    if type(classes) is not int or classes < 0:
        raise BodyError(f"{path}.parameters.classification: got {str(classes)[:40]}, but it is an integer from 0")
    if "shared_memory_region" in parameters:
        raise BodyError(f"{path}.parameters.shared_memory_region: an endpoint shares no memory with its clients")
