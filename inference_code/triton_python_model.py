"""model.py of Triton's python backend: runs model.onnx with onnxruntime on CPU.

Shapes and types are the configuration's; a request that does not fit gets an error of its own, and the others of its
batch an answer. The backend hands over requests as the dynamic batcher formed them; those of equal shape run as one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

_MEMORY = ("bad_alloc", "out of memory", "Failed to allocate", "Unable to allocate")
Arrays = dict[str, Any]


class TritonPythonModel:
    """The class that the backend looks for."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the graph. Too little memory is reported as "out of memory": multi-model hosting unloads others then."""
        configuration = json.loads(args["model_config"])
        self._inputs = {item["name"]: item for item in configuration["input"]}
        self._outputs = [item["name"] for item in configuration["output"]]
        self._batched = configuration["max_batch_size"] > 0
        told = {name: value["string_value"] for name, value in configuration["parameters"].items()}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(told["intra_op_thread_count"])
        options.inter_op_num_threads = int(told["inter_op_thread_count"])
        for name, value in told.items():
            if name.startswith("session."):
                options.add_session_config_entry(name, value)
        path = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise pb_utils.TritonModelException(_explained(error)) from error
        self._hold_against_graph()

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer every request, in order."""
        responses: list[Any] = [None] * len(requests)
        groups: dict[Any, list[tuple[int, Arrays]]] = {}
        for index, request in enumerate(requests):
            try:
                arrays = {name: self._array(request, name) for name in self._inputs}
            except ValueError as error:
                responses[index] = _failed(str(error), pb_utils.TritonError.INVALID_ARG)
                continue
            # Without a batch dimension nothing can be joined: every request is a group of its own.
            key = tuple(array.shape[1:] for array in arrays.values()) if self._batched else index
            groups.setdefault(key, []).append((index, arrays))
        for group in groups.values():
            answers = self._run([arrays for _, arrays in group])
            for (index, _), answer in zip(group, answers, strict=True):
                responses[index] = answer
        return responses

    def _run(self, group: list[Arrays]) -> list[Any]:
        """Responses to requests whose arrays differ at most in the batch dimension."""
        joined = group[0]
        if len(group) > 1:
            joined = {name: np.concatenate([arrays[name] for arrays in group]) for name in self._inputs}
        try:
            results = self._session.run(self._outputs, joined)
        except Exception as error:
            if len(group) > 1:
                # One request's values must not fail the others that happened to share its batch.
                return [response for arrays in group for response in self._run([arrays])]
            return [_failed(_explained(error), pb_utils.TritonError.INTERNAL)]
        if len(group) == 1:
            return [self._response(results)]
        ends = np.cumsum([len(next(iter(arrays.values()))) for arrays in group])
        starts = [0, *ends[:-1]]
        return [self._response([result[a:b] for result in results]) for a, b in zip(starts, ends, strict=True)]

    def _response(self, results: list[Any]) -> Any:
        pairs = zip(self._outputs, results, strict=True)
        tensors = [pb_utils.Tensor(name, np.ascontiguousarray(array)) for name, array in pairs]
        return pb_utils.InferenceResponse(output_tensors=tensors)

    def _array(self, request: Any, name: str) -> Any:
        tensor = pb_utils.get_input_tensor_by_name(request, name)
        if tensor is None:
            raise ValueError(f"input '{name}': it is missing, but the model takes {', '.join(self._inputs)}")
        array = tensor.as_numpy()
        expected = [int(size) for size in self._inputs[name]["dims"]]
        given = list(array.shape[1:] if self._batched else array.shape)
        if len(given) != len(expected) or any(e not in (-1, g) for e, g in zip(expected, given, strict=True)):
            raise ValueError(f"input '{name}': got shape {given}, but the model takes {expected} (-1: any length)")
        if array.size == 0:
            raise ValueError(f"input '{name}': got shape {list(array.shape)}, but no dimension may be 0")
        wanted = np.dtype(pb_utils.triton_string_to_numpy(self._inputs[name]["data_type"]))
        if array.dtype != wanted:
            raise ValueError(f"input '{name}': got {array.dtype}, but the model takes {wanted}")
        return array

    def _hold_against_graph(self) -> None:
        """Refuse a configuration that names other tensors than the graph."""
        for kind, named, graph in (
            ("inputs", list(self._inputs), [item.name for item in self._session.get_inputs()]),
            ("outputs", self._outputs, [item.name for item in self._session.get_outputs()]),
        ):
            missing = set(graph) - set(named) if kind == "inputs" else set()
            if missing or set(named) - set(graph):
                raise pb_utils.TritonModelException(f"{kind}: the configuration names {named}, model.onnx has {graph}")


def _failed(text: str, code: Any) -> Any:
    return pb_utils.InferenceResponse(output_tensors=[], error=pb_utils.TritonError(text, code))


def _explained(error: Exception) -> str:
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in _MEMORY):
        return f"out of memory: {error}"
    return f"{type(error).__name__}: {error}"
