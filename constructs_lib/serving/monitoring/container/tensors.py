"""Makes one flat record of each captured request to a Triton endpoint and its answer.

Model Monitor calls ``preprocess_handler`` for every captured line. Its container understands CSV and flat JSON, while
requests in the KServe v2 protocol are nested, or binary and then captured in base64: so each tensor becomes some
figures, under names that CloudWatch and Spark take.

One file of the standard library, in the syntax of Python 3.7, because the container brings its own interpreter.
Sources, read 2026-11-22: "Preprocessing and Postprocessing", SageMaker Developer Guide (the handler, the attributes of
its argument, an empty list for a record that is left out; an exception ends the whole run); KServe v2, "Inference
Request JSON Object"; triton-inference-server/server, protocol/extension_binary_data.md.
"""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from typing import Any

_HEADER_SIZE = re.compile(r"json-header-size=(\d+)")
_FORMATS = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i",
    "INT64": "q", "FP16": "e", "BF16": "H", "FP32": "f", "FP64": "d",
}  # fmt: skip


def preprocess_handler(inference_record: Any) -> Any:
    """dict[str, float | None] of one request and its answer, or an empty list where neither was captured.

    Args:
        inference_record: Has ``endpoint_input`` and ``endpoint_output``: None, or with ``data``, ``encoding`` and
            ``observedContentType``.
    """
    sides = (("request", inference_record.endpoint_input, "inputs"),
             ("answer", inference_record.endpoint_output, "outputs"))  # fmt: skip
    record: dict[str, float | None] = {}
    for prefix, side, tensors in sides:
        if side is not None and side.data is not None:
            record.update(_side(prefix, side, tensors))
    return record or []


def _side(prefix: str, side: Any, tensors: str) -> dict[str, float | None]:
    # What cannot be read is a figure too: an exception would end the run, and hide every other record with it.
    try:
        body = base64.b64decode(side.data) if side.encoding == "BASE64" else side.data.encode()
    except Exception:
        return {prefix + "_readable": 0}
    figures: dict[str, float | None] = {prefix + "_bytes": len(body)}
    try:
        for tensor, values in _tensors(body, side.observedContentType or "", tensors):
            name = prefix + "_" + re.sub(r"[^A-Za-z0-9_]", "_", tensor)
            figures.update({name + "_" + figure: value for figure, value in _figures(values).items()})
    except Exception:
        return {prefix + "_bytes": len(body), prefix + "_readable": 0}
    figures[prefix + "_readable"] = 1
    return figures


def _tensors(body: bytes, content_type: str, member: str) -> list[tuple[str, list[Any]]]:
    """Names and elements of the tensors."""
    size = _HEADER_SIZE.search(content_type)
    header, rest = (body[: int(size.group(1))], body[int(size.group(1)) :]) if size else (body, b"")
    found = []
    for tensor in json.loads(header.decode())[member]:
        length = tensor.get("parameters", {}).get("binary_data_size")
        if length is None:
            values = _flat(tensor["data"])
        else:
            values, rest = _binary(rest[:length], tensor["datatype"]), rest[length:]
        found.append((tensor["name"], values))
    return found


def _flat(values: list[Any]) -> list[Any]:
    while any(isinstance(item, list) for item in values):
        values = [below for item in values for below in (item if isinstance(item, list) else [item])]
    return values


def _binary(content: bytes, kind: str) -> list[Any]:
    if kind == "BYTES":
        texts, at = [], 0
        while at < len(content):
            (length,) = struct.unpack_from("<I", content, at)
            texts.append(content[at + 4 : at + 4 + length])
            at += 4 + length
        return texts
    code = _FORMATS[kind]
    values = struct.unpack("<" + str(len(content) // struct.calcsize("<" + code)) + code, content)
    if kind == "BF16":
        # The upper half of a 32-bit float.
        return [struct.unpack("<f", struct.pack("<I", value << 16))[0] for value in values]
    return list(values)


def _figures(values: list[Any]) -> dict[str, float | None]:
    """What is told of one tensor. Of texts, the figures are of their lengths: characters, or bytes in binary form."""
    texts = any(isinstance(value, (str, bytes)) for value in values)
    numbers = [float(len(value) if texts else value) for value in values]
    finite = [number for number in numbers if math.isfinite(number)]
    figures: dict[str, float | None] = {"elements": len(values), "not_finite": len(numbers) - len(finite)}
    mean = math.fsum(number / len(finite) for number in finite) if finite else None
    figures["mean"], figures["deviation"] = mean, None
    figures["minimum"], figures["maximum"] = min(finite, default=None), max(finite, default=None)
    if mean is not None:
        # Scaled, so that no square is beyond what a float holds.
        scale = max(max(abs(number - mean) for number in finite), 1e-300)
        spread = math.sqrt(math.fsum(((number - mean) / scale) ** 2 for number in finite) / len(finite)) * scale
        figures["deviation"] = spread if math.isfinite(spread) else None
    return figures
