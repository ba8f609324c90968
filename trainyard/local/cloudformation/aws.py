"""The cloud's own services, called in the process that serves them.

CloudFormation handlers run on the emulator's event loop: a request over HTTP back into it would wait for itself. These
calls take a client's road from botocore's serialiser to the service's request handler and back, only the socket is
missing. So a resource is made by the API operations that AWS's own handlers use, and a client reads what they made.
"""

import asyncio
import contextvars
import functools
import importlib
import io
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.awsrequest
import botocore.config
import botocore.exceptions
import botocore.model
import botocore.session
from ministack.core.responses import get_region

TIMEOUT_S = 30
"""Seconds after which an in-process call counts as hung: every one of them answers from memory in milliseconds."""

_MODULES = {"logs": "cloudwatch_logs", "events": "eventbridge"}
"""Services whose module in the emulator has another name than botocore's."""


class CallError(ValueError):
    """A service refused a call. `code` is the API's error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class _Body(io.BytesIO):
    """A response body with the one method of urllib3's that botocore needs."""

    def stream(self, _amount: int = 1024) -> Iterator[bytes]:
        yield self.read()


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()


@functools.cache
def service_model(service: str) -> botocore.model.ServiceModel:
    """botocore's model of a service: shapes, operations, error codes."""
    return _session().get_service_model(service)


def _in_thread(work: Callable[[], Any]) -> Any:
    """Runs a coroutine function to its end while this thread, the event loop's, waits."""
    context = contextvars.copy_context()
    answer: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(context.run(asyncio.run, work()))
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="in-process call", daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if failure:
        raise failure[0]
    assert answer, f"an in-process call did not answer within {TIMEOUT_S} s: its handler waits for the event loop"
    return answer[0]


def _dispatch(service: str, request: botocore.awsrequest.AWSPreparedRequest) -> botocore.awsrequest.AWSResponse:
    module = importlib.import_module(f"ministack.services.{_MODULES.get(service, service)}")
    url = urllib.parse.urlsplit(request.url)
    query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
    raw = request.body or b""
    body: Any = raw.read() if hasattr(raw, "read") else raw.encode() if isinstance(raw, str) else raw
    headers = {k.lower(): v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}
    headers.setdefault("host", url.netloc)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        # The handlers of query services drop what is empty in a body, so that nothing could be set to nothing.
        query |= urllib.parse.parse_qs(bytes(body).decode(), keep_blank_values=True)
    # Calls carry no credentials: S3 would take them for anonymous ones, the other services ask only at the front door.
    trusted = {"internal": True} if service == "s3" else {}
    path = urllib.parse.unquote(url.path)
    status, answered, content = _in_thread(
        lambda: module.handle_request(request.method, path, headers, body, query, **trusted)
    )
    content = content.encode() if isinstance(content, str) else content or b""
    lowered: Any = {k.lower(): str(v) for k, v in answered.items()}
    return botocore.awsrequest.AWSResponse(request.url, status, lowered, _Body(content))


@functools.cache
def _client(service: str, region: str) -> Any:
    client: Any = _session().create_client(
        service,
        region_name=region,
        endpoint_url="http://127.0.0.1:1",  # never reached: before-send answers
        config=botocore.config.Config(
            signature_version=botocore.UNSIGNED,
            retries={"total_max_attempts": 1},
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path"},
        ),
    )

    def before_send(request: botocore.awsrequest.AWSPreparedRequest, **_: object) -> botocore.awsrequest.AWSResponse:
        return _dispatch(service, request)

    client.meta.events.register("before-send", before_send)
    return client


def call(service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
    """Calls an operation of the cloud, e.g. `call("s3", "PutBucketTagging", Bucket=…, Tagging=…)`.

    Parameters that are None are left out; the rest is fitted to the operation's shape (`fit`).

    Raises:
        CallError: The service refused the call, or a parameter does not fit the operation.
    """
    client = _client(service, get_region())
    shape = service_model(service).operation_model(operation).input_shape
    given = {name: value for name, value in parameters.items() if value is not None}
    try:
        answer: dict[str, Any] = client._make_api_call(operation, fit(shape, given) if shape else {})
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        text = error.response["Error"].get("Message") or code
        raise CallError(f"{text} ({service}:{operation}, {code})", code) from error
    except botocore.exceptions.ParamValidationError as error:
        report = re.sub(r"\s*\n\s*", "; ", str(error).replace("Parameter validation failed:\n", ""))
        raise CallError(f"{report} ({service}:{operation})", "ParamValidation") from error
    answer.pop("ResponseMetadata", None)
    return answer


def fit(shape: Any, value: object, path: str = "") -> Any:
    """A CloudFormation value as an API parameter of `shape`.

    Templates write numbers and booleans as strings at will (a parameter is always a string): CloudFormation converts
    them to what the resource's schema says, and so does this.

    Raises:
        CallError: A member that the shape does not have, or a text that is no number or no boolean.
    """
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping) and not getattr(shape, "is_document_type", False):
        unknown = sorted(set(value) - set(shape.members))
        if unknown:
            raise CallError(f"{path or shape.name}: no member {unknown[0]!r}", "ParamValidation")
        return {k: fit(shape.members[k], v, f"{path}.{k}".lstrip(".")) for k, v in value.items()}
    if kind == "list" and isinstance(value, list | tuple):
        return [fit(shape.member, item, f"{path}.{index}") for index, item in enumerate(value)]
    if kind == "map" and isinstance(value, Mapping):
        return {str(k): fit(shape.value, v, f"{path}.{k}") for k, v in value.items()}
    return _scalar(kind, value, path)


def _scalar(kind: str, value: object, path: str) -> Any:
    if kind == "boolean":
        return boolean(value, path)
    if kind in ("integer", "long", "float", "double") and not isinstance(value, bool):
        try:
            return (int if kind in ("integer", "long") else float)(str(value))
        except ValueError as error:
            raise CallError(f"{path}: got {value!r}, but a number is wanted", "ParamValidation") from error
    if kind == "string" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def boolean(value: object, path: str) -> bool:
    """A template's boolean, which may be a text.

    Raises:
        CallError: Neither true nor false.
    """
    text = str(value).lower()
    if text not in ("true", "false"):
        raise CallError(f"{path}: got {value!r}, but true or false is wanted", "ParamValidation")
    return text == "true"
