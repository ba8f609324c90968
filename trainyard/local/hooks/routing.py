"""Services of this project inside the emulator: routing, protocol, and the thread each request runs in."""

from __future__ import annotations

import functools
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ministack import app
from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.core.concurrency import run_reentrant

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.operations import Answer, Caller
from trainyard.local.hooks import sagemaker_access
from trainyard.local.hooks.streams import Parts, streamed

Reply = tuple[int, dict[str, str], Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Reply]]
Check = Callable[[str, Mapping[str, Any], Caller, str], None]

_JSON = "application/x-amz-json-1.1"
_log = logging.getLogger(__name__)


class Answering(Protocol):
    """A service of this project."""

    def call(self, name: str, request: dict[str, Any], caller: Caller) -> Answer:
        """Answers one request."""


class Invocation(Protocol):
    """What a model server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    parts: Parts | None


Invoke = Callable[[str, str, bytes, Mapping[str, str]], Invocation]


class _Handlers(dict[str, Handler]):
    """The emulator's handlers, with an honest answer for services that it does not have."""

    def get(self, name: str, default: Handler | None = None) -> Handler | None:  # type: ignore[override]
        return super().get(name, default or functools.partial(_no_service, name))


def install() -> None:
    """Makes requests for services that nobody serves fail as such."""
    app.SERVICE_HANDLERS = _Handlers(app.SERVICE_HANDLERS)
    # The emulator asks whether AWS has a service of this name, for which it reads 400 models while everybody waits;
    # without one it would take the request for S3's. S3 itself it has recognised before.
    router._is_aws_service_name = lambda _scope: True


async def _no_service(
    name: str, _method: str, _path: str, headers: dict[str, str], _body: bytes, _query: dict[str, Any]
) -> Reply:
    message = f"The embedded cloud has no service {name}"
    if "x-www-form-urlencoded" in headers.get("content-type", ""):
        xml = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>"
            f"<Message>{message}</Message></Error></ErrorResponse>"
        )
        return 400, {"Content-Type": "text/xml"}, xml.encode()
    return _error(ServiceError("UnknownOperationException", message))


def register(name: str, *, target: str, handler: Handler) -> None:
    """Adds a service to the emulator.

    Args:
        name: its credential scope and IAM namespace.
        target: what its `X-Amz-Target` begins with.
        handler: answers its requests.
    """
    app.SERVICE_REGISTRY[name] = {"module": name}
    app.SERVICE_HANDLERS[name] = handler
    router.SERVICE_PATTERNS[name] = {"target_prefixes": [target], "host_patterns": [], "credential_scope": name}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[name] = name


def json_service(service: Answering, check: Check, invoke: Invoke | None = None) -> Handler:
    """The JSON protocol over a service, every request in a thread of its own.

    Args:
        service: what answers.
        check: refuses a request that its caller may not make, beyond the action itself.
        invoke: answers `POST /endpoints/NAME/invocations` and its kin: operation, endpoint, body, headers.
    """

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Reply:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        reply: Reply
        if operation:
            key = router.extract_access_key_id(headers, query)
            reply = await run_reentrant(_call, service, check, key, operation, body, thread_name=operation)
        else:
            reply = await run_reentrant(_invoke, invoke, method, path, headers, body, thread_name="InvokeEndpoint")
            status, answered, content = reply
            if not isinstance(content, bytes):
                return status, answered, streamed(content)
        return reply

    return handle


def current_caller() -> Caller:
    """Who makes the request that is being answered."""
    return Caller(account=responses.get_account_id(), region=responses.get_region(), arn=iam_evaluator.caller_arn())


def _call(service: Answering, check: Check, key: str, operation: str, body: bytes) -> Reply:
    try:
        request, caller = _request(body), current_caller()
        check(operation, request, caller, key)
        return 200, {"Content-Type": _JSON}, json.dumps(service.call(operation, request, caller)).encode()
    except ServiceError as error:
        return _error(error)
    except Exception:
        _log.exception("%s failed", operation)
        return _error(_internal(operation))


def _request(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", f"the request is no JSON: {error}") from None
    if not isinstance(request, dict):
        raise ServiceError("SerializationException", f"the request is {type(request).__name__}, not a JSON object")
    return request


def _invoke(invoke: Invoke | None, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    operation, name = sagemaker_access.invocation(path)
    try:
        if operation is None or name is None or method != "POST" or invoke is None:
            known = ", ".join(f"POST /endpoints/NAME/{kind}" for kind in sagemaker_access.INVOCATIONS)
            raise ServiceError(
                "UnknownOperationException", f"The embedded cloud does not run {method} {path}. It runs {known}", 404
            )
        answer = invoke(operation, name, body, headers)
        # The emulator gives JSON its own type by service under the name Content-Type: here it is the model's to choose.
        answered = {key.lower(): value for key, value in answer.headers.items()}
        return answer.status, answered, answer.body if answer.parts is None else answer.parts
    except ServiceError as error:
        return _error(error)
    except Exception:
        _log.exception("invocation of %s failed", name)
        return _error(_internal(operation or "InvokeEndpoint"))


def _internal(operation: str) -> ServiceError:
    reference = uuid.uuid4().hex[:8]
    _log.error("reference %s", reference)
    return ServiceError("InternalFailure", f"{operation} failed inside the cloud; its log says why ({reference})", 500)


def _error(error: ServiceError) -> Reply:
    body = json.dumps({"__type": error.code, "message": error.message, "Message": error.message})
    return error.status, {"Content-Type": _JSON, "x-amzn-errortype": error.code}, body.encode()
