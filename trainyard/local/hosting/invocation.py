"""InvokeEndpoint: from a client's request to a container's answer, and the errors between."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import botocore.session

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.connections import Reply
from trainyard.local.hosting.deployment import Deployment, Variant
from trainyard.local.hosting.inference_request import BodyError, check
from trainyard.local.hosting.measures import Measures

# InvokeEndpoint, API reference, read 2026-11: containers must respond within 60 seconds.
_SECONDS = 60.0
_JSON = "application/json"
# What a client may pass to a container and what a container may pass back: botocore, sagemaker-runtime.
_CUSTOM = "x-amzn-sagemaker-custom-attributes"
_FORWARDED = ("content-type", "accept", _CUSTOM, "x-amzn-sagemaker-inference-id")
_UNSUPPORTED = {
    "x-amzn-sagemaker-target-model": "TargetModel: the endpoint serves one model, not many. Leave it out.",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname: the model has one container. Leave it out.",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName: the endpoint has none. Leave it out.",
    "x-amzn-sagemaker-session-id": "SessionId: the model server keeps no sessions. Leave it out.",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations: the endpoint has no ExplainerConfig. Leave it out.",
}
_DEAD_STUB = b"is not healthy."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Invocations:
    """Answers invocations of deployments."""

    def __init__(self, context: Context) -> None:
        """Composes it."""
        self._context = context
        self._measures = Measures(lambda: context.platform.client("cloudwatch"))
        model = botocore.session.get_session().get_service_model("sagemaker-runtime")
        self._maximum_bytes: int = model.shape_for("BodyBlob").metadata["max"]

    def stop(self) -> None:
        """Sends the rest of the metrics."""
        self._measures.close()

    def invoke(self, name: str, deployment: Deployment, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answers one invocation.

        Args:
            name: name of the endpoint.
            deployment: what serves it.
            body: the request's body.
            headers: the request's headers, in any case.

        Raises:
            ServiceError: ValidationError, or ServiceUnavailable when no instance is healthy.
        """
        began = time.perf_counter()
        given = {key.lower(): value for key, value in headers.items()}
        self._check(body, given)
        target = given.get("x-amzn-sagemaker-target-variant")
        variant = deployment.choose(target)
        if variant is None:
            known = ", ".join(found.plan.name for found in deployment.variants)
            raise ServiceError("ValidationError", f"Variant {target} not found for endpoint {name}. It has {known}.")
        content_type = given.get("content-type") or _JSON
        before = time.perf_counter()
        reply = self._ask(name, variant, body, content_type, given)
        after = time.perf_counter()
        answer = self._answer(variant, reply)
        model = after - before
        overhead = time.perf_counter() - began - model
        self._measures.invocation(name, variant.plan.name, reply.status, model=model, overhead=overhead)
        return answer

    def _check(self, body: bytes, headers: Mapping[str, str]) -> None:
        if len(body) > self._maximum_bytes:
            raise ServiceError(
                "ValidationError",
                f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
                f"less than or equal to {self._maximum_bytes} (it has {len(body)}).",
            )
        for header, text in _UNSUPPORTED.items():
            if header in headers:
                raise ServiceError("ValidationError", text)

    def _ask(self, name: str, variant: Variant, body: bytes, content_type: str, given: Mapping[str, str]) -> Reply:
        try:
            check(body, content_type)
        except BodyError as error:
            # As newer servers answer; this one may not survive the body.
            return _error_reply(400, str(error))
        headers = {header: given[header] for header in _FORWARDED if given.get(header)}
        with variant.borrow() as instance:
            if instance is None:
                reasons = [replica.reason for replica in variant.replicas if replica.reason]
                why = f" ({reasons[0]})" if reasons else ""
                raise ServiceError(
                    "ServiceUnavailable", f"Endpoint {name} has no healthy instance of {variant.plan.name}{why}.", 503
                )
            replica, connections = instance
            try:
                reply = connections.request(
                    "POST", "/invocations", body=body, headers={**headers, "content-type": content_type},
                    seconds=_SECONDS,
                )  # fmt: skip
            except TimeoutError:
                return _error_reply(
                    0,
                    "Your invocation timed out while waiting for a response from container primary. Review the latency "
                    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
                )
            except OSError as error:
                return _error_reply(500, f"the model server closed the connection: {error}")
        if reply.status >= 500 and _DEAD_STUB in reply.body:
            # The server answers health checks, but it never starts the process of a model again.
            replica.suspect(f"the model's process ended: {_text(reply.body)}")
        return reply

    def _answer(self, variant: Variant, reply: Reply) -> Answer:
        headers = {"x-Amzn-Invoked-Production-Variant": variant.plan.name}
        if 200 <= reply.status < 300:
            if reply.headers.get(_CUSTOM):
                headers["X-Amzn-SageMaker-Custom-Attributes"] = reply.headers[_CUSTOM]
            content_type = reply.headers.get("content-type", "application/octet-stream")
            return Answer(status=200, headers={**headers, "Content-Type": content_type}, body=reply.body)
        text = _text(reply.body)
        region, account = self._context.region, self._context.account
        whose = "client" if 400 <= reply.status < 500 else "server"
        document = {
            "Message": (
                f'Received {whose} error ({reply.status}) from primary with message "{text}". See the log group '
                f"{variant.group} in account {account} for more information."
            ),
            "OriginalStatusCode": reply.status,
            "OriginalMessage": text,
            "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{variant.group}",
        }
        errors = {"Content-Type": _JSON, "x-amzn-ErrorType": "ModelError"}
        return Answer(status=424, headers={**headers, **errors}, body=json.dumps(document).encode())


def _error_reply(status: int, text: str) -> Reply:
    return Reply(status=status, headers={"content-type": _JSON}, body=json.dumps({"error": text}).encode())


def _text(body: bytes) -> str:
    return body.decode(errors="replace")[:2000]
