"""Bodies that are no inference requests of the tiny model, by what is wrong with them."""

from __future__ import annotations

import json
import struct
from typing import Any

JSON = "application/json"
BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size="
_GOOD: dict[str, Any] = {"name": "tokens", "datatype": "INT64", "shape": [1, 3], "data": [1, 2, 3]}
RAW = struct.pack("<3q", 1, 2, 3)
HEADER = json.dumps(
    {
        "inputs": [{**_GOOD, "data": None, "parameters": {"binary_data_size": 24}}],
        "outputs": [{"name": "logits", "parameters": {"binary_data": True}}],
    }
).encode()
HEADER = HEADER.replace(b'"data": null, ', b"")


def _input(without: str = "", **changes: Any) -> bytes:
    changed = {**_GOOD, **changes}
    changed.pop(without, None)
    return json.dumps({"inputs": [changed]}).encode()


def _document(**changes: Any) -> bytes:
    return json.dumps({"inputs": [_GOOD], **changes}).encode()


def _data(text: str, shape: str = "[1,3]") -> bytes:
    return f'{{"inputs":[{{"name":"tokens","datatype":"INT64","shape":{shape},"data":{text}}}]}}'.encode()


BAD_BODIES: dict[str, tuple[str, bytes]] = {
    **{
        name: (JSON, body)
        for name, body in {
            "nothing": b"",
            "white space": b"   ",
            "text": b"hello",
            "zeros": bytes(10),
            "cut off": b'{"inputs":[{"name":',
            "array": b"[]",
            "null": b"null",
            "number": b"3",
            "string": b'"inputs"',
            "no inputs": b"{}",
            "inputs is an object": b'{"inputs":{}}',
            "input is a number": b'{"inputs":[1]}',
            "inputs is null": b'{"inputs":null}',
            "inputs is empty": b'{"inputs":[]}',
            "no name": _input(without="name"),
            "name is a number": _input(name=3),
            "unknown name": _input(name="pixels"),
            "no datatype": _input(without="datatype"),
            "unknown datatype": _input(datatype="INT7"),
            "other datatype": _input(datatype="FP32"),
            "no shape": _input(without="shape"),
            "shape is text": _input(shape="1,3"),
            "shape of floats": _input(shape=[1, 3.5]),
            "negative shape": _input(shape=[1, -3]),
            "shape larger than memory": _input(shape=[1, 2**40]),
            "shape that overflows": _input(shape=[2**62, 8]),
            "shape without batch": _input(shape=[]),
            "empty tensor": _input(shape=[1, 0], data=[]),
            "batch too large": _input(shape=[16, 1], data=list(range(16))),
            "three dimensions": _input(shape=[1, 3, 1]),
            "no data": _input(without="data"),
            "data is text": _input(data="abc"),
            "too little data": _input(data=[1, 2]),
            "too much data": _input(data=[1, 2, 3, 4]),
            "data of texts": _input(data=["a", "b", "c"]),
            "data of floats": _input(data=[1.5, 2.5, 3.5]),
            "data of nulls": _input(data=[None, None, None]),
            "data of objects": _input(data=[{}, {}, {}]),
            "data of booleans": _input(data=[True, False, True]),
            "number too large for 64 bits": _input(data=[2**63, 1, 2]),
            "number of 30 digits": _input(data=[10**30, 1, 2]),
            "NaN": _data("[NaN,1,2]"),
            "number too large for a double": _data("[1e999,1,2]"),
            "nested 200,000 deep": b"[" * 200_000,
            "data nested 50,000 deep": _data("[" * 50_000 + "]" * 50_000),
            "unknown member nested deep": b'{"inputs":[],"x":' + b"[" * 900 + b"]" * 900 + b"}",
            "parameters is an array": _input(parameters=[]),
            "shared memory": _input(without="data", parameters={"shared_memory_region": "x"}),
            "binary size without binary body": _input(without="data", parameters={"binary_data_size": 24}),
            "binary size is text": _input(without="data", parameters={"binary_data_size": "x"}),
            "binary size of a terabyte": _input(without="data", parameters={"binary_data_size": 1 << 40}),
            "outputs is an object": _document(outputs={}),
            "output without name": _document(outputs=[{}]),
            "unknown output": _document(outputs=[{"name": "colours"}]),
            "classification is text": _document(outputs=[{"name": "logits", "parameters": {"classification": "a"}}]),
            "id is a number": _document(id=3),
            "input twice": json.dumps({"inputs": [_GOOD, _GOOD]}).encode(),
            "member twice": b'{"inputs":3,"inputs":[]}',
            "half a surrogate pair": b'{"inputs":[],"id":"\\ud800"}',
            "no UTF-8": b'{"inputs":[],"id":"\xff"}',
            "UTF-16": json.dumps({"inputs": [_GOOD]}).encode("utf-16"),
            "something after it": json.dumps({"inputs": [_GOOD]}).encode() + b"x",
            "control character": b'{"inputs":[],"id":"a\nb"}',
        }.items()
    },
    "CSV": ("text/csv", b"1,2,3\n"),
    "bytes": ("application/octet-stream", RAW),
    "binary: too short": (f"{BINARY}{len(HEADER)}", HEADER + RAW[:8]),
    "binary: too long": (f"{BINARY}{len(HEADER)}", HEADER + RAW + RAW),
    "binary: no data": (f"{BINARY}{len(HEADER)}", HEADER),
    "binary: header larger than the body": (f"{BINARY}{len(HEADER) + 1000}", HEADER + RAW),
    "binary: negative header": (f"{BINARY}-1", HEADER + RAW),
    "binary: header size is text": (f"{BINARY}x", HEADER + RAW),
    "binary: header of 5 bytes": (f"{BINARY}5", HEADER + RAW),
    "binary: header is everything": (f"{BINARY}{len(HEADER + RAW)}", HEADER + RAW),
    "binary: nothing": (f"{BINARY}10", b""),
}
