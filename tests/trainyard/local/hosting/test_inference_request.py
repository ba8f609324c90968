"""Which bodies reach the model server."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainyard.local.hosting.inference_request import check
from trainyard.local.hosting.json_body import BodyError

from .bodies import BAD_BODIES, BINARY, HEADER, JSON, RAW

# What only the model itself can know: names, types and ranks of its tensors, its largest batch.
_THE_MODELS_OWN = {
    "inputs is empty", "unknown name", "other datatype", "unknown output", "shape without batch", "empty tensor",
    "batch too large", "three dimensions", "input twice",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD_BODIES.keys() - _THE_MODELS_OWN))
def test_what_is_no_request_is_refused(name: str) -> None:
    content_type, body = BAD_BODIES[name]
    with pytest.raises(BodyError):
        check(body, content_type)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (HEADER + RAW, f"{BINARY}{len(HEADER)}"),
        (HEADER + RAW, f"{BINARY}{len(HEADER)}".replace(";", "; ")),
        (RAW, f"{BINARY}0"),
        (b'{"inputs":[]}', JSON),
    ],
)
def test_what_the_server_reads_passes(body: bytes, content_type: str) -> None:
    check(body, content_type)


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BOOL": st.booleans(),
    "INT8": st.integers(-128, 127),
    "UINT8": st.integers(0, 255),
    "INT64": st.integers(-(2**63), 2**63 - 1),
    "UINT64": st.integers(0, 2**64 - 1),
    "FP32": st.floats(allow_nan=False, allow_infinity=False),
    "BYTES": st.text(st.characters(exclude_categories=["Cs"])),
}


@given(data=st.data(), kind=st.sampled_from(sorted(_VALUES)), shape=st.lists(st.integers(0, 3), max_size=3))
@settings(max_examples=60, deadline=None)
def test_every_well_formed_request_passes(data: st.DataObject, kind: str, shape: list[int]) -> None:
    count = math.prod(shape)
    values = data.draw(st.lists(_VALUES[kind], min_size=count, max_size=count))
    tensor = {"name": "a", "datatype": kind, "shape": shape, "data": values}
    check(json.dumps({"id": "x", "inputs": [tensor], "outputs": [{"name": "b"}]}).encode(), JSON)


@given(body=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_bytes_break_the_check(body: bytes) -> None:
    for content_type in (JSON, "", f"{BINARY}{len(body) // 2}"):
        with contextlib.suppress(BodyError):
            check(body, content_type)


@given(
    document=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["inputs", "name", "shape", "data", "datatype", "parameters"]), inner)
        ),
        max_leaves=20,
    )
)
@settings(max_examples=100, deadline=None)
def test_no_document_breaks_the_check(document: Any) -> None:
    with contextlib.suppress(BodyError):
        check(json.dumps({"inputs": [document]}).encode(), JSON)
