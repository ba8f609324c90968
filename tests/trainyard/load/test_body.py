"""Named inputs as a KServe v2 request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_contract.errors import ContractError
from trainyard.load.body import body_of


def _only(body: bytes) -> dict[str, Any]:
    (tensor,) = json.loads(body)["inputs"]
    return dict(tensor)


def test_an_array_keeps_its_type_and_shape(tmp_path: Path) -> None:
    """As numpy.save wrote it."""
    np.save(tmp_path / "x.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    assert _only(body_of([f"x={tmp_path / 'x.npy'}"])) == {
        "name": "x", "datatype": "FP32", "shape": [2, 3], "data": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "spelled", "expected"),
    [
        ("[[1, 2], [3, 4]]", "x", ("INT64", [2, 2], [1, 2, 3, 4])),
        ("[1, 2.5]", "x", ("FP32", [2], [1, 2.5])),
        ("[1, 2]", "x:FP16", ("FP16", [2], [1, 2])),
        ('["a"]', "x", ("BYTES", [1], ["a"])),
        ("[true]", "x", ("BOOL", [1], [True])),
        ('{"datatype": "INT8", "shape": [1], "data": [7]}', "x", ("INT8", [1], [7])),
    ],
)
def test_json_tells_its_shape(tmp_path: Path, text: str, spelled: str, expected: tuple[Any, ...]) -> None:
    """And its type, where it is not given."""
    file = tmp_path / "x.json"
    file.write_text(text)
    tensor = _only(body_of([f"{spelled}={file}"]))
    assert (tensor["datatype"], tensor["shape"], tensor["data"]) == expected


@pytest.mark.parametrize(
    ("content", "item", "told"),
    [
        ("[[1], [1, 2]]", "x={}", "differ in length"),
        ("7", "x={}", "a tensor is a list"),
        ("[null]", "x={}", "no number"),
        ("[", "x={}", "cannot be read"),
        ("[1]", "x:FLOAT={}", "no type FLOAT"),
        ("[1]", "{}", "NAME=FILE"),
    ],
)
def test_what_cannot_be_sent_is_refused(tmp_path: Path, content: str, item: str, told: str) -> None:
    """Before anything is sent."""
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(ContractError, match=told):
        body_of([item.format(file)])
