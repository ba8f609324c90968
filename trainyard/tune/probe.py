"""A request that a model takes, made from its configuration, in KServe's binary form."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Mapping
from typing import Any

from ml_contract.errors import reject
from trainyard.load.request import Plain

# struct's code for each of Triton's types; KServe v2, "Binary Tensor Data Extension": little endian, row by row.
_CODES = {"TYPE_BOOL": "?", "TYPE_INT8": "b", "TYPE_UINT8": "B", "TYPE_INT16": "h", "TYPE_UINT16": "H",
          "TYPE_INT32": "i", "TYPE_UINT32": "I", "TYPE_INT64": "q", "TYPE_UINT64": "Q",
          "TYPE_FP16": "e", "TYPE_FP32": "f", "TYPE_FP64": "d"}  # fmt: skip
_SEED = 0


def probe(url: str, configuration: Mapping[str, Any], length: int) -> Plain:
    """A request for one item.

    Args:
        url: The server's address.
        configuration: The model's, as the server shows it.
        length: What stands for -1 in shapes. Whole numbers are 1, others lie between 0 and 1.

    Raises:
        ContractError: An input is text.
    """
    draw = random.Random(_SEED)  # noqa: S311 - values of a probe
    inputs, parts = [], []
    for item in configuration["input"]:
        kind = item["data_type"]
        if kind not in _CODES:
            reject(f"input {item['name']}", kind, "the tuner makes numbers only", "Give a request with --body.")
        dims = [length if int(size) == -1 else int(size) for size in item["dims"]]
        shape = [1, *dims] if configuration.get("max_batch_size", 0) else dims
        code, count = _CODES[kind], math.prod(shape)
        values = [draw.random() if code in "efd" else 1 for _ in range(count)]
        data = struct.pack(f"<{count}{code}", *values)
        inputs.append({"name": item["name"], "datatype": kind.removeprefix("TYPE_"), "shape": shape,
                       "parameters": {"binary_data_size": len(data)}})  # fmt: skip
        parts.append(data)
    header = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return Plain(
        url=f"{url}/v2/models/{configuration['name']}/infer",
        body=header + b"".join(parts),
        content_type="application/octet-stream",
        headers={"inference-header-content-length": str(len(header))},
    )
