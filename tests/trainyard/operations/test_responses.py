"""Answers in parts and answers in S3, from clients that a test makes up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ml_contract.errors import ContractError
from trainyard.operations import responses
from trainyard.operations.connection import Connection, OperationError


class _Missing(Exception):
    """What S3 raises for a key that is not there."""


class _S3:
    exceptions = SimpleNamespace(NoSuchKey=_Missing)

    def __init__(self, **objects: bytes) -> None:
        self.objects = {key.replace("__", "/"): value for key, value in objects.items()}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.objects[f"{Bucket}/{Key}"] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if f"{Bucket}/{Key}" not in self.objects:
            raise _Missing
        content = self.objects[f"{Bucket}/{Key}"]
        return {"Body": type("Body", (), {"read": lambda _: content})()}


class _Runtime:
    exceptions = SimpleNamespace(ModelError=_Missing)

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events, self.asked = events, {}

    def invoke_endpoint_with_response_stream(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"Body": iter(self.events)}

    def invoke_endpoint_async(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return {"OutputLocation": "s3://b/out/1", "FailureLocation": "s3://b/failed/1"}


def _part(text: bytes) -> dict[str, Any]:
    return {"PayloadPart": {"Bytes": text}}


def test_parts_come_one_by_one() -> None:
    """With the parameters that choose who answers."""
    runtime = _Runtime(_part(b"a"), _part(b"b"))
    parts = responses.streamed(
        Connection(None, {"sagemaker-runtime": runtime}), "e", b"{}", "x/y", {"TargetVariant": "v"}
    )
    assert list(parts) == [b"a", b"b"]
    assert runtime.asked["TargetVariant"] == "v"


def test_a_stream_that_breaks_off_is_an_error_after_its_parts() -> None:
    """What came stays; why it ended is told."""
    runtime = _Runtime(
        _part(b"a"), {"ModelStreamError": {"Message": "the container died", "ErrorCode": "ModelInvocation"}}
    )
    parts = responses.streamed(Connection(None, {"sagemaker-runtime": runtime}), "e", b"{}", "x/y", {})
    assert next(parts) == b"a"
    with pytest.raises(OperationError, match="ModelStreamError: the container died"):
        next(parts)


def _deferred(s3: _S3) -> tuple[Connection, responses.Deferred, _Runtime]:
    runtime = _Runtime()
    connection = Connection(None, {"sagemaker-runtime": runtime, "s3": s3})
    return connection, responses.defer(connection, "e", b"{}", "x/y", "s3://b/in/", {}), runtime


def test_a_deferred_answer_is_read_where_the_service_says() -> None:
    """The request lies below the folder, under a name of its own."""
    s3 = _S3(b__out__1=b"answer")
    connection, waiting, runtime = _deferred(s3)
    assert responses.collect(connection, waiting, 1.0) == b"answer"
    assert s3.objects[runtime.asked["InputLocation"].removeprefix("s3://")] == b"{}"
    assert runtime.asked["InputLocation"].startswith("s3://b/in/")


def test_a_deferred_failure_is_told() -> None:
    """In the words that lie at the failure's place."""
    connection, waiting, _ = _deferred(_S3(b__failed__1=b"out of memory"))
    with pytest.raises(OperationError, match="out of memory"):
        responses.collect(connection, waiting, 1.0)


def test_an_answer_that_does_not_come_is_looked_for_no_longer_than_asked() -> None:
    """And where it may still come is told."""
    connection, waiting, _ = _deferred(_S3())
    with pytest.raises(OperationError, match="s3://b/out/1"):
        responses.collect(connection, waiting, 0.01)


def test_a_folder_outside_s3_is_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(ContractError, match="--async"):
        responses.defer(Connection(None), "e", b"", "x/y", "/tmp/requests", {})
