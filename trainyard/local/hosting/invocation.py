"""InvokeEndpoint: from a client's request to a container's answer, and the errors between."""

import time
from collections.abc import Mapping

import botocore.session

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.answers import Answer, answer
from trainyard.local.hosting.deployment import Deployment, Variant
from trainyard.local.hosting.exchange import Question, Reply
from trainyard.local.hosting.invocation_request import InvocationRequest, read_request
from trainyard.local.hosting.measures import Measures

__all__ = ["Answer", "Invocations"]

# InvokeEndpoint, API reference, read 2026-11: containers must respond within 60 seconds.
_SECONDS = 60.0


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
        request = read_request(body, headers, maximum_bytes=self._maximum_bytes, seconds=_SECONDS)
        variant = _chosen(name, deployment, request)
        reply = _ask(name, variant, request.question)
        found = answer(self._context, variant.group, variant.plan.name, reply)
        self._measures.invocation(
            name, variant.plan.name, reply,
            overhead=time.perf_counter() - began - reply.seconds, instances=len(variant.replicas),
        )  # fmt: skip
        return found


def _chosen(name: str, deployment: Deployment, request: InvocationRequest) -> Variant:
    variant = deployment.choose(request.target_variant)
    if variant is None:
        known = ", ".join(found.plan.name for found in deployment.variants)
        raise ServiceError(
            "ValidationError", f"Variant {request.target_variant} not found for endpoint {name}. It has {known}."
        )
    request.check(variant.plan)
    return variant


def _ask(name: str, variant: Variant, question: Question) -> Reply:
    with variant.borrow(question.target_model) as instance:
        if instance is None:
            reasons = [replica.reason for replica in variant.replicas if replica.reason]
            why = f" ({reasons[0]})" if reasons else ""
            raise ServiceError(
                "ServiceUnavailable", f"Endpoint {name} has no healthy instance of {variant.plan.name}{why}.", 503
            )
        replica, serving = instance
        reply = serving.ask(question)
        if reply.fatal:
            replica.suspect(reply.fatal)
        return reply
