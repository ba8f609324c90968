"""InvokeEndpoint: from a client's request to a container's answer, and the errors between."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import botocore.session

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.answers import Answer, answer
from trainyard.local.hosting.capture import Capture
from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.exchange import Question, Reply, Serving
from trainyard.local.hosting.invocation_request import InvocationRequest, read_request
from trainyard.local.hosting.measures import Measures
from trainyard.local.hosting.parts import Parts
from trainyard.local.hosting.replica import Replica
from trainyard.local.hosting.shadow import Shadows, share
from trainyard.local.hosting.streaming import Events, stream_headers
from trainyard.local.hosting.variant import Variant

__all__ = ["Answer", "Invocations"]

# InvokeEndpoint, API reference, read 2026-11: containers must respond within 60 seconds.
_SECONDS = 60.0


class Invocations:
    """Answers invocations of deployments."""

    def __init__(self, context: Context) -> None:
        """Composes it."""
        self._context = context
        self.measures = Measures(lambda: context.platform.client("cloudwatch"), context.minute_seconds)
        model = botocore.session.get_session().get_service_model("sagemaker-runtime")
        self._maximum_bytes: int = model.shape_for("BodyBlob").metadata["max"]
        self._capture = Capture(lambda role: context.platform.role_client("s3", role, "SageMaker"))
        self._shadows = Shadows()

    def stop(self) -> None:
        """Sends the rest of the metrics and of the captured data."""
        self._shadows.close()
        self._capture.close()
        self.measures.close()

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
        request = read_request(body, headers, maximum_bytes=self._maximum_bytes, seconds=_SECONDS)
        _check_kind(name, deployment)
        variant = self._chosen(name, deployment, request)
        self._copy(name, deployment, variant, request.question)
        reply = _ask(name, variant, request.question)
        self._take(name, deployment, variant, request, reply)
        found = answer(self._context, variant.group, variant.plan.name, reply)
        self._measure(name, variant, reply, time.perf_counter() - began - reply.seconds)
        return found

    def ask(
        self, name: str, deployment: Deployment, body: bytes, headers: Mapping[str, str], *, seconds: float
    ) -> Reply:
        """Asks an asynchronous endpoint's variant; see `invoke`.

        Args:
            name: name of the endpoint.
            deployment: what serves it.
            body: the request's body, which may be longer than others.
            headers: the request's headers.
            seconds: longest wait.
        """
        began = time.perf_counter()
        request = read_request(body, headers, maximum_bytes=len(body), seconds=seconds)
        variant = self._chosen(name, deployment, request)
        reply = _ask(name, variant, request.question)
        self._take(name, deployment, variant, request, reply)
        self._measure(name, variant, reply, time.perf_counter() - began - reply.seconds)
        return reply

    def stream(self, name: str, deployment: Deployment, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Answers one invocation piece by piece, as events; see `invoke`.

        The answer's parts have to be read to their end, or closed: until then the instance counts as busy. Streams are
        neither captured nor copied to shadows.
        """
        began = time.perf_counter()
        request = read_request(body, headers, maximum_bytes=self._maximum_bytes, seconds=_SECONDS)
        _check_kind(name, deployment)
        variant = self._chosen(name, deployment, request)
        with ExitStack() as stack:
            _, serving = stack.enter_context(_lent(name, variant, request.question))
            streamed = serving.stream(request.question)
            if not 200 <= streamed.status < 300:
                reply = Reply(
                    status=streamed.status, headers=streamed.headers, body=b"".join(streamed.parts),
                    seconds=time.perf_counter() - began, container=streamed.container,
                )  # fmt: skip
                self._measure(name, variant, reply, 0.0)
                return answer(self._context, variant.group, variant.plan.name, reply)
            ending = stack.pop_all()

        def ended() -> None:
            ending.close()
            reply = Reply(status=events.status, headers={}, body=b"", seconds=time.perf_counter() - began)
            self._measure(name, variant, reply, 0.0)

        events = Events(streamed)
        return Answer(status=200, headers=stream_headers(variant.plan.name, streamed), parts=Parts(iter(events), ended))

    def _chosen(self, name: str, deployment: Deployment, request: InvocationRequest) -> Variant:
        variant = deployment.choose(request.target_variant)
        if variant is None:
            known = ", ".join(found.plan.name for found in deployment.variants)
            raise ServiceError(
                "ValidationError", f"Variant {request.target_variant} not found for endpoint {name}. It has {known}."
            )
        request.check(variant.plan)
        if variant.plan.component and not any(replica.state == "healthy" for replica in variant.replicas):
            self.measures.no_capacity(variant.plan.component)
            raise ServiceError(
                "ValidationError",
                "Inference Component has no capacity to process this request. ApplicationAutoScaling may be "
                "in-progress (if configured) or try to increase the capacity by invoking "
                "UpdateInferenceComponentRuntimeConfig API.",
            )
        return variant

    def _take(
        self, name: str, deployment: Deployment, variant: Variant, request: InvocationRequest, reply: Reply
    ) -> None:
        """Captures what was asked and answered, where the endpoint wants that."""
        capture = deployment.plan.capture
        if capture is not None:
            self._capture.take(
                capture, variant.plan.role, name, variant.plan.name, request.question, reply, request.inference_id
            )

    def _copy(self, name: str, deployment: Deployment, production: Variant, question: Question) -> None:
        """Sends the request to the shadow too, for its part of the requests."""
        for shadow in deployment.shadows:
            began = time.perf_counter()

            def send(shadow: Variant = shadow, began: float = began) -> None:
                reply = _ask(name, shadow, question)
                self._measure(name, shadow, reply, time.perf_counter() - began - reply.seconds)

            self._shadows.copy(share(shadow.weight, production.weight), send)

    def _measure(self, name: str, variant: Variant, reply: Reply, overhead: float) -> None:
        self.measures.invocation(
            name, variant.plan.name, reply, overhead=overhead, instances=len(variant.replicas),
            component=variant.plan.component,
        )  # fmt: skip


def _check_kind(name: str, deployment: Deployment) -> None:
    if deployment.plan.asynchronous is not None:
        raise ServiceError("ValidationError", f"Endpoint {name} is asynchronous. Use InvokeEndpointAsync.")


def _ask(name: str, variant: Variant, question: Question) -> Reply:
    with _lent(name, variant, question) as (replica, serving):
        reply = serving.ask(question)
        if reply.fatal:
            replica.suspect(reply.fatal)
        return reply


@contextmanager
def _lent(name: str, variant: Variant, question: Question) -> Iterator[tuple[Replica, Serving]]:
    with variant.borrow(question.target_model) as instance:
        if instance is None:
            reasons = [replica.reason for replica in variant.replicas if replica.reason]
            why = f" ({reasons[0]})" if reasons else ""
            raise ServiceError(
                "ServiceUnavailable", f"Endpoint {name} has no healthy instance of {variant.plan.name}{why}.", 503
            )
        yield instance
