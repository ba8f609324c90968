"""A KServe v2 request from named inputs, as Triton takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_contract.errors import reject

# KServe's Open Inference Protocol v2, "Tensor Data Types"; numpy's own codes beside them.
_OF_NUMPY = {"|b1": "BOOL", "|i1": "INT8", "|u1": "UINT8", "<i2": "INT16", "<u2": "UINT16", "<i4": "INT32",
             "<u4": "UINT32", "<i8": "INT64", "<u8": "UINT64", "<f2": "FP16", "<f4": "FP32", "<f8": "FP64"}  # fmt: skip


def body_of(inputs: Sequence[str]) -> bytes:
    """The JSON body for ``NAME=FILE`` items: a .npy array, or JSON as ``[[1, 2]]`` or a tensor's own object.

    A name may carry its type, ``NAME:INT64=FILE``; JSON numbers without one are INT64 when all are whole, else FP32.

    Raises:
        ContractError: An item, a file or a type that cannot be sent.
    """
    if not inputs:
        reject("--input", [], "a request has at least one input", "Give for example --input tokens=tokens.npy.")
    return json.dumps({"inputs": [_tensor(item) for item in inputs]}).encode()


def _tensor(item: str) -> dict[str, Any]:
    match = re.fullmatch(r"([^=:]+)(?::([A-Z0-9]+))?=(.+)", item)
    if match is None:
        reject("--input", item, "it must look like NAME=FILE", "Write for example --input tokens=tokens.npy.")
    name, dtype, file = match[1], match[2], Path(match[3])
    if dtype is not None and dtype not in (*_OF_NUMPY.values(), "BYTES"):
        reject("--input", item, f"there is no type {dtype}", f"Types are {', '.join(_OF_NUMPY.values())}, BYTES.")
    try:
        if file.suffix == ".npy":
            return _array(name, dtype, file)
        given = json.loads(file.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        reject("--input", item, f"{file} cannot be read ({error})", "Give a .npy file or JSON.")
    if isinstance(given, dict):
        return {"name": name} | given
    shape, data = _flat(item, given)
    return {"name": name, "datatype": dtype or _guess(data), "shape": shape, "data": data}


def _array(name: str, dtype: str | None, file: Path) -> dict[str, Any]:
    try:
        import numpy as np
    except ImportError:
        reject("--input", str(file), "numpy reads .npy files and is not installed", "Give JSON, or install numpy.")
    try:
        array = np.load(file, allow_pickle=False)
    except ValueError as error:
        reject("--input", str(file), f"it is no array ({error})", "Write it with numpy.save.")
    code = array.dtype.str.replace("=", "<")
    if code not in _OF_NUMPY:
        reject("--input", str(file), f"its type {array.dtype} has no name in the protocol",
               f"Convert it to one of {', '.join(_OF_NUMPY.values())}.")  # fmt: skip
    datatype = dtype or _OF_NUMPY[code]
    if datatype == "FP16":
        reject("--input", str(file), "JSON carries no FP16", "Send FP32, or the binary form with --body.")
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.ravel().tolist()}


def _flat(item: str, given: Any) -> tuple[list[int], list[Any]]:
    """Shape and values of nested lists."""
    shape: list[int] = []
    level = [given]
    while level and isinstance(level[0], list):
        lengths = {len(part) if isinstance(part, list) else -1 for part in level}
        if len(lengths) > 1:
            reject("--input", item, "its lists differ in length", "Give every row the same length.")
        shape.append(lengths.pop())
        level = [value for part in level for value in part]
    if not shape:
        reject("--input", item, "a tensor is a list", "Write for example [[1, 2, 3]].")
    if not all(isinstance(value, bool | int | float | str) for value in level):
        reject("--input", item, "it holds something that is no number, text or truth value", "Give plain lists.")
    return shape, level


def _guess(data: Sequence[Any]) -> str:
    for kinds, name in ((bool, "BOOL"), (str, "BYTES"), (int, "INT64")):
        if data and all(type(value) is kinds for value in data):
            return name
    return "FP32"
