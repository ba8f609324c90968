"""The script that Model Monitor calls for every captured line: as its container would, on what capture writes here."""

from __future__ import annotations

import ast
import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.monitoring import TENSORS
from constructs_lib.serving.monitoring.container.tensors import preprocess_handler
from trainyard.local.hosting.capture import Capture
from trainyard.local.hosting.exchange import Question, Reply
from trainyard.local.hosting.inference_request import BINARY

JSON = "application/json"
CONFIG = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://b/p",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": [JSON]},
}


def side(raw: dict[str, Any] | None) -> Any:
    """An EventData, with the attributes that the guide gives it."""
    return raw and SimpleNamespace(
        data=raw["data"], encoding=raw["encoding"], observedContentType=raw["observedContentType"], mode=raw["mode"]
    )


def record(line: str) -> Any:
    """The argument of the handler that the guide describes, made of a captured line."""
    data = json.loads(line)["captureData"]
    return SimpleNamespace(
        endpoint_input=side(data.get("endpointInput")), endpoint_output=side(data.get("endpointOutput"))
    )


def captured(request: bytes, answer: bytes, kind: str = JSON, answer_kind: str = JSON, **config: Any) -> Any:
    """What the handler is given of one request, as the embedded cloud captures it."""
    written: list[bytes] = []
    client = SimpleNamespace(put_object=lambda **call: written.append(call["Body"]))
    capture = Capture(lambda _: client)
    question = Question(body=request, headers={"content-type": kind}, seconds=1)
    reply = Reply(status=200, headers={"content-type": answer_kind}, body=answer)
    capture.take({**CONFIG, **config}, "role", "e", "v", question, reply, None)
    capture.close()
    return record(written[0].decode())


def question(*tensors: dict[str, Any]) -> bytes:
    return json.dumps({"inputs": list(tensors)}).encode()


def reply(*tensors: dict[str, Any]) -> bytes:
    return json.dumps({"outputs": list(tensors)}).encode()


TOKENS = {"name": "tokens", "datatype": "INT64", "shape": [2, 2], "data": [[1, 1], [3, 3]]}
LOGITS = {"name": "logits", "datatype": "FP32", "shape": [2], "data": [0.5, -0.5]}


def test_each_tensor_becomes_figures() -> None:
    asked, answered = question(TOKENS), reply(LOGITS)
    assert preprocess_handler(captured(asked, answered)) == {
        "request_bytes": len(asked), "request_readable": 1, "request_tokens_elements": 4,
        "request_tokens_not_finite": 0, "request_tokens_mean": 2.0, "request_tokens_deviation": 1.0,
        "request_tokens_minimum": 1.0, "request_tokens_maximum": 3.0,
        "answer_bytes": len(answered), "answer_readable": 1, "answer_logits_elements": 2, "answer_logits_not_finite": 0,
        "answer_logits_mean": 0.0, "answer_logits_deviation": 0.5, "answer_logits_minimum": -0.5,
        "answer_logits_maximum": 0.5,
    }  # fmt: skip


def binary(kind: str, content: bytes, count: int) -> tuple[bytes, str]:
    """A body with one tensor after its JSON, and its content type."""
    tensor = {"name": "x", "datatype": kind, "shape": [count], "parameters": {"binary_data_size": len(content)}}
    header = question(tensor)
    return header + content, f"{BINARY};json-header-size={len(header)}"


@pytest.mark.parametrize(
    ("kind", "content"),
    [("FP32", struct.pack("<2f", 1, 3)), ("FP16", struct.pack("<2e", 1, 3)), ("FP64", struct.pack("<2d", 1, 3)),
     ("BF16", struct.pack("<2H", 0x3F80, 0x4040)), ("INT64", struct.pack("<2q", 1, 3)), ("UINT8", b"\x01\x03"),
     ("BYTES", struct.pack("<I1sI3s", 1, b"a", 3, b"abc"))],
)  # fmt: skip
def test_binary_tensors_are_captured_in_base64_and_read(kind: str, content: bytes) -> None:
    body, content_type = binary(kind, content, 2)
    inference = captured(body, reply(LOGITS), content_type)
    assert inference.endpoint_input.encoding == "BASE64"
    found = preprocess_handler(inference)
    assert (found["request_x_elements"], found["request_x_minimum"], found["request_x_mean"]) == (2, 1.0, 2.0)
    assert (found["request_x_maximum"], found["request_readable"]) == (3.0, 1)


def test_of_texts_the_lengths_are_told() -> None:
    texts = {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["hello", "hé"]}
    found = preprocess_handler(captured(question(texts), reply(LOGITS)))
    assert (found["request_text_minimum"], found["request_text_maximum"]) == (2.0, 5.0)


def test_truths_are_zeros_and_ones() -> None:
    flags = {"name": "flag", "datatype": "BOOL", "shape": [4], "data": [True, False, False, False]}
    assert preprocess_handler(captured(question(flags), reply(LOGITS)))["request_flag_mean"] == 0.25


def test_what_is_no_number_is_counted_and_left_out() -> None:
    answer = b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [3], "data": [NaN, Infinity, 2.0]}]}'
    found = preprocess_handler(captured(question(TOKENS), answer))
    assert (found["answer_y_not_finite"], found["answer_y_mean"], found["answer_y_elements"]) == (2, 2.0, 3)


def test_an_empty_tensor_has_no_mean() -> None:
    empty = {"name": "x", "datatype": "FP32", "shape": [0], "data": []}
    found = preprocess_handler(captured(question(empty), reply(LOGITS)))
    assert (found["request_x_elements"], found["request_x_mean"], found["request_x_maximum"]) == (0, None, None)


@pytest.mark.parametrize("body", [b"", b"text", b"[]", b'{"inputs": 3}', b'{"inputs": [{"name": "x"}]}', b"\xff\xfe"])
def test_what_cannot_be_read_is_a_figure_and_ends_no_run(body: bytes) -> None:
    found = preprocess_handler(captured(body, reply(LOGITS)))
    assert found["request_readable"] == 0
    assert found["answer_readable"] == 1
    assert not [name for name in found if name.startswith("request_") and name not in
                ("request_readable", "request_bytes")]  # fmt: skip


def test_only_one_side_was_captured() -> None:
    found = preprocess_handler(captured(question(TOKENS), reply(LOGITS), CaptureOptions=[{"CaptureMode": "Output"}]))
    assert found
    assert all(name.startswith("answer_") for name in found)


def test_a_record_without_either_is_left_out() -> None:
    assert preprocess_handler(SimpleNamespace(endpoint_input=None, endpoint_output=None)) == []


NUMBERS = st.floats(width=64) | st.integers(-(2**80), 2**80)
SIDES = st.text() | st.lists(NUMBERS).map(
    lambda data: json.dumps({"inputs": [{"name": "x y", "datatype": "FP64", "shape": [len(data)], "data": data}]})
)


@given(data=SIDES, encoding=st.sampled_from(["JSON", "CSV", "BASE64", None]))
def test_every_record_is_flat_json_that_spark_reads(data: str, encoding: str | None) -> None:
    text = SimpleNamespace(data=data, encoding=encoding, observedContentType=JSON)
    found = preprocess_handler(SimpleNamespace(endpoint_input=text, endpoint_output=None))
    json.dumps(found, allow_nan=False)
    assert all(value is None or isinstance(value, int | float) for value in found.values())
    assert all(name.replace("_", "").isalnum() for name in found)


def test_it_is_one_file_for_an_older_python() -> None:
    tree = ast.parse(Path(TENSORS.path).read_text(), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= {"base64", "json", "math", "re", "struct"}
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert froms <= {"__future__", "typing"}
