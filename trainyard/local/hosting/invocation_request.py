"""What a client says when it invokes an endpoint, beside the body: read from the request's headers.

Names of the headers: botocore, sagemaker-runtime.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.exchange import JSON, Question
from trainyard.local.hosting.plan import VariantPlan

CUSTOM = "x-amzn-sagemaker-custom-attributes"
INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TARGET_MODEL = "x-amzn-sagemaker-target-model"
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
_TARGET_CONTAINER = "x-amzn-sagemaker-target-container-hostname"
COMPONENT = "x-amzn-sagemaker-inference-component"
# What a client may pass to a container.
_FORWARDED = (CUSTOM, INFERENCE_ID)
_UNSUPPORTED = {
    "x-amzn-sagemaker-session-id": "SessionId: the model server keeps no sessions. Leave it out.",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations: the endpoint has no ExplainerConfig. Leave it out.",
}


@dataclass(frozen=True, kw_only=True)
class InvocationRequest:
    """One invocation as the client sent it."""

    question: Question
    """What the container is asked."""
    target_variant: str | None
    """Which variant answers; None leaves it to the weights."""
    inference_id: str | None
    """How the client calls the inference, in captured data."""

    def check(self, plan: VariantPlan) -> None:
        """Refuses what a variant does not have.

        Raises:
            ServiceError: ValidationError.
        """
        if not plan.containers:
            raise ServiceError(
                "ValidationError",
                "Inference Component Name header is required for endpoints to which you plan to deploy inference "
                "components. Please include Inference Component Name header or consider using SageMaker models.",
            )
        if self.question.target_model is not None and not plan.containers[0].many:
            raise ServiceError(
                "ValidationError", "TargetModel: the endpoint serves one model, not many. Leave it out."
            )  # fmt: skip
        if self.question.target_container is not None and len(plan.containers) == 1:
            raise ServiceError(
                "ValidationError", "TargetContainerHostname: the model has one container. Leave it out."
            )  # fmt: skip


def read_request(body: bytes, headers: Mapping[str, str], *, maximum_bytes: int, seconds: float) -> InvocationRequest:
    """Reads an invocation.

    Args:
        body: the request's body.
        headers: the request's headers, in any case.
        maximum_bytes: longest body.
        seconds: longest wait for any part of the answer.

    Raises:
        ServiceError: ValidationError.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if len(body) > maximum_bytes:
        raise ServiceError(
            "ValidationError",
            f"1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length "
            f"less than or equal to {maximum_bytes} (it has {len(body)}).",
        )
    for header, text in _UNSUPPORTED.items():
        if header in given:
            raise ServiceError("ValidationError", text)
    wanted = {name: given[name] for name in _FORWARDED if given.get(name)}
    for name in ("accept", "content-type"):
        # Some operations have them under names of their own.
        said = given.get(f"x-amzn-sagemaker-{name}") or given.get(name)
        if said:
            wanted[name] = said
    wanted.setdefault("content-type", JSON)
    target = given.get(_TARGET_MODEL)
    for name, value in (*wanted.items(), (_TARGET_MODEL, target or "")):
        if not value.isascii() or not (value.isprintable()):
            raise ServiceError("ValidationError", f"{name}: got {value[:40]!r}, but headers are printable ASCII.")
    return InvocationRequest(
        question=Question(
            body=body,
            headers=wanted,
            seconds=seconds,
            target_model=target,
            target_container=given.get(_TARGET_CONTAINER),
        ),
        target_variant=given.get(_TARGET_VARIANT),
        inference_id=given.get(INFERENCE_ID),
    )
