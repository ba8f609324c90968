"""The calls of an execution: an AWS client with the pipeline role's credentials, over HTTP."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions as aws
from botocore import xform_name

from trainyard.local.api.errors import ServiceError
from trainyard.local.pipelines.kinds import Kind
from trainyard.local.pipelines.references import ExpressionError
from trainyard.local.pipelines.retries import of_call

Clients = Callable[[str], Any]
"""Gives the boto3 client of a service."""


class UnreachableError(Exception):
    """The cloud did not answer: nothing is known of the call."""


class RefusedError(Exception):
    """A call that was refused."""

    def __init__(self, action: str, message: str, code: str = "", status: int = 400) -> None:
        super().__init__(f"ClientError: Failed to invoke {action}. Error Details: {message}")
        self.code = code
        self.exception_type = of_call(code, status)
        """The exception type of retry policies, or None."""


class Calls:
    """What the steps of an execution call."""

    def __init__(self, clients: Clients) -> None:
        # A client opens a session of the role: one for the whole execution is enough.
        self._clients = functools.cache(clients)

    def create(self, kind: Kind, request: Mapping[str, Any]) -> str:
        """Creates what a step stands for and returns its ARN.

        A call whose answer was lost may be repeated: names are random, so what has this name is ours.

        Raises:
            RefusedError, UnreachableError.
        """
        try:
            return str(self._sagemaker(kind.create, request)[kind.arn])
        except RefusedError as error:
            if error.code not in ("ResourceInUse", "ConflictException") or kind.identity == "ClientToken":
                raise
            return str(self.describe(kind, {kind.identity: request[kind.identity]})[kind.arn])

    def describe(self, kind: Kind, request: Mapping[str, Any]) -> dict[str, Any]:
        """The description of what a step created, as JSON.

        Raises:
            RefusedError, UnreachableError.
        """
        answer = self._sagemaker(kind.describe, request)
        answer.pop("ResponseMetadata", None)
        described: dict[str, Any] = json.loads(json.dumps(answer, default=_plain))
        return described

    def stop(self, kind: Kind, job: str) -> None:
        """Stops a step's job.

        Raises:
            RefusedError, UnreachableError.
        """
        assert kind.stop is not None
        self._sagemaker(kind.stop, {kind.identity: job})

    def read(self, uri: str) -> Any:
        """The JSON at an S3 URI.

        Raises:
            ExpressionError: it cannot be read, or is no JSON.
            UnreachableError.
        """
        place = urlsplit(uri)
        if place.scheme != "s3" or not place.netloc or not place.path.strip("/"):
            raise ExpressionError(f"{uri!r} is no S3 URI of an object")
        try:
            with _refusals("s3:GetObject"):
                body = self._clients("s3").get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
        except RefusedError as error:
            raise ExpressionError(f"Failed to read {uri}. {error}") from error
        try:
            return json.loads(body, parse_constant=_no_constant)
        except ValueError as error:
            raise ExpressionError(f"{uri} is no JSON: {error}") from error

    def _sagemaker(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        with _refusals(f"sagemaker:{operation}"):
            answer: dict[str, Any] = getattr(self._clients("sagemaker"), xform_name(operation))(**request)
            return answer


@contextmanager
def _refusals(action: str) -> Iterator[None]:
    try:
        yield
    except aws.ClientError as error:
        found = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        raise RefusedError(action, found.get("Message") or str(error), found.get("Code", ""), status) from error
    except ServiceError as error:
        raise RefusedError(action, error.message, error.code, error.status) from error
    except (aws.ConnectionError, aws.HTTPClientError) as error:
        raise UnreachableError(str(error)) from error
    except aws.BotoCoreError as error:
        raise RefusedError(action, " ".join(str(error).split())) from error


def _plain(value: object) -> str:
    assert isinstance(value, datetime), f"no JSON for {type(value).__name__}"
    return value.isoformat()


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no number in JSON")
