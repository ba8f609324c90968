"""Answers that do not come at once: streamed piece by piece, or left in S3."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import reject
from trainyard.operations.connection import Connection, OperationError

_POLL_SECONDS = 0.5


def streamed(
    connection: Connection, endpoint: str, body: bytes, content_type: str, more: Mapping[str, str]
) -> Iterator[bytes]:
    """What InvokeEndpointWithResponseStream answers, part by part.

    Raises:
        OperationError: The model refused, or broke off in the middle.
    """
    runtime = connection.client("sagemaker-runtime")
    try:
        answer = runtime.invoke_endpoint_with_response_stream(
            EndpointName=endpoint, Body=body, ContentType=content_type, Accept=content_type, **more
        )
    except runtime.exceptions.ModelError as error:
        raise OperationError(f"{endpoint}: the model answered {error.response['Error']['Message']}") from None
    for event in answer["Body"]:
        if "PayloadPart" in event:
            yield event["PayloadPart"]["Bytes"]
        else:
            ((kind, found),) = event.items()
            raise OperationError(f"{endpoint}: the stream ended with {kind}: {found.get('Message', found)}")


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """A request that waits in an asynchronous endpoint's queue."""

    output: str
    """s3:// address of the answer to come."""
    failure: str | None
    """s3:// address of what is written when it fails; None where the endpoint names no path for that."""


def defer(
    connection: Connection, endpoint: str, body: bytes, content_type: str, folder: str, more: Mapping[str, str]
) -> Deferred:
    """Upload ``body`` below the s3:// address ``folder`` and put it into the endpoint's queue.

    Raises:
        ContractError: ``folder`` is no s3:// address.
    """
    bucket, key = _location("--async", folder)
    key = f"{key.rstrip('/')}/{uuid.uuid4().hex}".lstrip("/")
    connection.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    answer = connection.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint,
        InputLocation=f"s3://{bucket}/{key}",
        ContentType=content_type,
        Accept=content_type,
        **more,
    )
    return Deferred(output=answer["OutputLocation"], failure=answer.get("FailureLocation"))


def collect(connection: Connection, deferred: Deferred, seconds: float) -> bytes:
    """Wait for the answer.

    Raises:
        OperationError: It failed, or did not come within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = _object(connection, deferred.output)
        if found is not None:
            return found
        failed = _object(connection, deferred.failure) if deferred.failure else None
        if failed is not None:
            raise OperationError(f"the request failed: {failed.decode(errors='replace')[:500]}")
        time.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))
    raise OperationError(f"no answer at {deferred.output} within {seconds:.0f} s. It may still come: look there later")


def _object(connection: Connection, uri: str) -> bytes | None:
    client: Any = connection.client("s3")
    bucket, key = _location("OutputLocation", uri)
    try:
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    except client.exceptions.NoSuchKey:
        return None


def _location(field: str, uri: str) -> tuple[str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        reject(field, uri, "it must be an s3:// address", "Write for example s3://BUCKET/requests.")
    return bucket, key
