"""Asking an endpoint that says what byte follows: a runtime of the tests answers as Triton does."""

from __future__ import annotations

import io
import itertools
import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from trainyard.operations.connection import OperationError
from trainyard.operations.inference import continue_text, invoke, next_bytes

Model = Callable[[list[int]], Any]


class Runtime:
    """``sagemaker-runtime`` with one endpoint."""

    exceptions = SimpleNamespace(ModelError=ClientError)

    def __init__(self, model: Model) -> None:
        self._model = model

    def invoke_endpoint(self, *, Body: bytes, **_: Any) -> dict[str, Any]:
        (tokens,) = json.loads(Body)["inputs"]
        assert tokens["shape"] == [1, len(tokens["data"])]
        answer = self._model(tokens["data"])
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return {"Body": io.BytesIO(body), "ContentType": "application/json", "InvokedProductionVariant": "live"}


def connection(model: Model) -> Any:
    class Connection:
        def client(self, name: str) -> Runtime:
            assert name == "sagemaker-runtime"
            return Runtime(model)

    return Connection()


def logits(*rows: dict[int, float]) -> dict[str, Any]:
    """An answer with one row of logits a token, 0 for bytes that are not named."""
    data = [row.get(byte, 0.0) for row in rows for byte in range(256)]
    return {"outputs": [{"name": "logits", "shape": [1, len(rows), 256], "data": data}]}


def successor(tokens: list[int]) -> dict[str, Any]:
    """A model that nearly always says the byte after the last one."""
    return logits(*({(token + 1) % 256: 9.0} for token in tokens))


def test_what_follows_the_last_byte_is_asked() -> None:
    candidates, answer = next_bytes(connection(successor), "e", b"xa", count=2)
    assert candidates[0].byte == ord("b")
    assert candidates[0].probability == pytest.approx(math.e**9 / (math.e**9 + 255))
    assert answer.variant == "live"


@given(st.dictionaries(st.integers(0, 255), st.floats(-700, 700), min_size=1))
def test_probabilities_are_those_of_all_bytes(row: dict[int, float]) -> None:
    candidates, _ = next_bytes(connection(lambda _: logits(row)), "e", b"x", count=256)
    assert sum(each.probability for each in candidates) == pytest.approx(1)
    assert all(a.probability >= b.probability for a, b in itertools.pairwise(candidates))


def test_without_warmth_the_likeliest_byte_is_written() -> None:
    written = continue_text(connection(successor), "e", b"a", 5, temperature=0)
    assert written.text == b"abcdef"
    assert len(written.seconds) == 5


def test_the_same_seed_writes_the_same_text() -> None:
    flat = connection(lambda tokens: logits(*({} for _ in tokens)))
    texts = {continue_text(flat, "e", b"a", 8, temperature=1, seed=seed).text for seed in (1, 1, 2)}
    assert len(texts) == 2


def test_hardly_any_warmth_is_none() -> None:
    """Powers of probabilities vanish: they are taken relative to the likeliest."""
    assert continue_text(connection(successor), "e", b"a", 3, temperature=1e-6).text == b"abcd"


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[]", {"outputs": []}, {"outputs": [{"name": "logits"}]},
     {"outputs": [{"name": "logits", "shape": [1, 10], "data": [0.0] * 10}]},
     {"outputs": [{"name": "label", "shape": [1, 256], "data": [0.0] * 256}]}],
)  # fmt: skip
def test_another_kind_of_model_is_said_to_be_one(answer: Any) -> None:
    with pytest.raises(OperationError, match="its answer has no logits over bytes"):
        next_bytes(connection(lambda _: answer), "e", b"x")


def test_nothing_to_continue_and_negative_warmth_are_refused() -> None:
    with pytest.raises(OperationError, match="at least one byte"):
        next_bytes(connection(successor), "e", b"")
    with pytest.raises(OperationError, match="temperature: got -1"):
        continue_text(connection(successor), "e", b"a", 1, temperature=-1)


def test_a_model_s_own_words_are_passed_on() -> None:
    def fails(_: list[int]) -> Any:
        response: Any = {"Error": {"Code": "ModelError", "Message": "m"}, "OriginalStatusCode": 400,
                         "OriginalMessage": "tokens: 300 is no byte"}  # fmt: skip
        raise ClientError(response, "InvokeEndpoint")

    body = json.dumps({"inputs": [{"shape": [1, 0], "data": []}]}).encode()
    with pytest.raises(OperationError, match="e: the model answered 400: tokens: 300 is no byte"):
        invoke(connection(fails), "e", body)
