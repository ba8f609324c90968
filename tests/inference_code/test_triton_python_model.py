"""model.py of the python backend, on the real onnxruntime with a stand-in for the server's Python module."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

CONFIGURATION = {
    "max_batch_size": 64,
    "input": [{"name": "tokens", "data_type": "TYPE_INT64", "dims": ["-1"]}],
    "output": [{"name": "logits", "data_type": "TYPE_FP32", "dims": ["-1", "2"]}],
    "parameters": {"intra_op_thread_count": {"string_value": "1"}, "inter_op_thread_count": {"string_value": "1"}},
}
ROWS = 10
TABLE = np.arange(2 * ROWS, dtype=np.float32).reshape(ROWS, 2)


class Tensor:
    def __init__(self, name: str, array: Any) -> None:
        self.name, self._array = name, array

    def as_numpy(self) -> Any:
        return self._array


class TritonError(Exception):
    INTERNAL, INVALID_ARG = "internal", "invalid"

    def __init__(self, text: str, code: str) -> None:
        self.text, self.code = text, code


class InferenceResponse:
    def __init__(self, output_tensors: list[Tensor], error: TritonError | None = None) -> None:
        self.tensors, self.error = output_tensors, error


class Request:
    def __init__(self, **tensors: Any) -> None:
        self.tensors = {name: Tensor(name, array) for name, array in tensors.items()}


@pytest.fixture(scope="module")
def loaded() -> Any:
    """The module, as the stub of the backend imports it."""
    utilities = types.ModuleType("triton_python_backend_utils")
    kinds = {"TYPE_INT64": np.int64, "TYPE_FP32": np.float32}
    vars(utilities).update(
        Tensor=Tensor,
        TritonError=TritonError,
        TritonModelException=type("TritonModelException", (Exception,), {}),
        InferenceResponse=InferenceResponse,
        get_input_tensor_by_name=lambda request, name: request.tensors.get(name),
        triton_string_to_numpy=kinds.__getitem__,
    )
    sys.modules["triton_python_backend_utils"] = utilities
    import inference_code.triton_python_model as module

    yield module
    del sys.modules["triton_python_backend_utils"], sys.modules["inference_code.triton_python_model"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose graph looks tokens up in a table: one beyond it fails."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "1").mkdir()
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "tokens"], ["logits"])],
        "table",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "sequence"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 2])],
        [helper.make_tensor("table", TensorProto.FLOAT, [ROWS, 2], TABLE.ravel().tolist())],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "1/model.onnx"
    )
    return folder


@pytest.fixture(scope="module")
def start(loaded: Any, repository: Path) -> Callable[..., Any]:
    def make(**changes: Any) -> Any:
        model = loaded.TritonPythonModel()
        configuration = json.dumps({**CONFIGURATION, **changes})
        model.initialize({"model_config": configuration, "model_repository": str(repository), "model_version": "1"})
        return model

    return make


_rows = st.integers(1, 3).flatmap(
    lambda length: st.lists(
        st.lists(st.integers(-ROWS, ROWS - 1), min_size=length, max_size=length), min_size=1, max_size=3
    )
)


@given(requests=st.lists(_rows, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_request_gets_its_own_answer(start: Callable[..., Any], requests: list[list[list[int]]]) -> None:
    model = start()
    responses = model.execute([Request(tokens=np.array(rows, np.int64)) for rows in requests])
    for rows, response in zip(requests, responses, strict=True):
        assert response.error is None
        np.testing.assert_array_equal(response.tensors[0].as_numpy(), TABLE[np.array(rows)])


def test_one_requests_values_fail_no_other(start: Callable[..., Any]) -> None:
    rows = [[1, 2], [3, ROWS], [4, 5]]
    responses = start().execute([Request(tokens=np.array([row], np.int64)) for row in rows])
    assert [response.error is None for response in responses] == [True, False, True]
    assert responses[1].error.code == TritonError.INTERNAL
    np.testing.assert_array_equal(responses[2].tensors[0].as_numpy(), TABLE[[[4, 5]]])


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "it is missing"),
        ({"tokens": np.zeros((1, 2, 3), np.int64)}, r"got shape \[2, 3\], but the model takes \[-1\]"),
        ({"tokens": np.zeros((1, 0), np.int64)}, "no dimension may be 0"),
        ({"tokens": np.zeros((1, 2), np.float32)}, "got float32, but the model takes int64"),
    ],
)
def test_inputs_that_do_not_fit(start: Callable[..., Any], tensors: dict[str, Any], words: str) -> None:
    good = Request(tokens=np.zeros((1, 2), np.int64))
    bad, fine = start().execute([Request(**tensors), good])
    assert fine.error is None
    assert bad.error.code == TritonError.INVALID_ARG
    with pytest.raises(ValueError, match=words):
        raise ValueError(bad.error.text)


def test_without_batches(start: Callable[..., Any]) -> None:
    model = start(max_batch_size=0, input=[{**CONFIGURATION["input"][0], "dims": ["1", "-1"]}])
    first, second = model.execute([Request(tokens=np.array([[number]], np.int64)) for number in (1, 2)])
    np.testing.assert_array_equal(first.tensors[0].as_numpy(), TABLE[[[1]]])
    np.testing.assert_array_equal(second.tensors[0].as_numpy(), TABLE[[[2]]])


@pytest.mark.parametrize(
    "error", [MemoryError("6 GiB"), RuntimeError("std::bad_alloc"), RuntimeError("Failed to allocate memory")]
)
def test_memory_exhaustion_is_told_in_the_words_that_hosting_looks_for(
    start: Callable[..., Any], loaded: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class Session:
        def __init__(self, *_: Any, **__: Any) -> None:
            raise error

    monkeypatch.setattr(loaded.onnxruntime, "InferenceSession", Session)
    with pytest.raises(Exception, match="out of memory") as raised:
        start()
    assert type(raised.value).__name__ == "TritonModelException"


@pytest.mark.parametrize("side", ["input", "output"])
def test_a_configuration_of_another_graph(start: Callable[..., Any], side: str) -> None:
    with pytest.raises(Exception, match=rf"{side}s: the configuration names \['pixels'\]"):
        start(**{side: [{**CONFIGURATION[side][0], "name": "pixels"}]})
