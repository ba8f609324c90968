"""Whether an image can be pulled, and what SageMaker says when it cannot.

Sources, read 2026-11-22, for want of a reference of these texts: what their owners quote in
aws/amazon-sagemaker-examples#2534 and #2450 (jobs that are created), aws/sagemaker-python-sdk#1968 (training jobs that
start), aws-samples/amazon-sagemaker-tensorflow-object-detection-api#14 (processing jobs that start),
aws-samples/easy-amazon-sagemaker-deployments#4 (models) and aws/sagemaker-python-sdk#1835 (endpoints).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ml_contract.image_address import ImageAddress
from trainyard.local.api.errors import invalid

Gap = Literal["repository", "image"]
Missing = Callable[[str], Gap | None]
"""What an image's registry does not hold of it: the whole repository, or the image; None when it can be pulled."""

TRAINING_REASON = (
    "ClientError: Cannot pull algorithm container. Either the image does not exist or its permissions are incorrect."
)
_RIGHTS = (
    "has proper pull permissions for SageMaker: ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, "
    "ecr:GetDownloadUrlForLayer"
)


def check_job(missing: Missing, uri: str, role: str) -> None:
    """Refuses a job whose image cannot be pulled.

    Raises:
        ServiceError: ValidationException, in AWS's words.
    """
    gap, address = missing(uri), ImageAddress.parse(uri)
    if gap is None or address is None:
        return
    if gap == "repository":
        raise invalid(
            f"Cannot find repository: {address.repository} in registry ID: {address.account} Please check if your ECR "
            f"repository exists and role {role} {_RIGHTS}"
        )
    raise invalid(
        f"Cannot find the requested image: {uri} with tag: {address.tag or 'null'} and digest: "
        f"{address.digest or 'null'}. Please check if your ECR image exists and role {role} {_RIGHTS}"
    )


def check_model(missing: Missing, uri: str) -> None:
    """Refuses a model whose image cannot be pulled.

    Raises:
        ServiceError: ValidationException, in AWS's words.
    """
    if missing(uri):
        raise invalid(f"Requested image {uri} not found.")


def check_variant(missing: Missing, uri: str, variant: str) -> None:
    """Refuses to start an instance whose image cannot be pulled.

    Raises:
        ServiceError: Its message is the endpoint's FailureReason.
    """
    if missing(uri):
        raise invalid(
            f"Please make sure all images included in the model for the production variant {variant} exist, and that "
            "the execution role used to create the model has permissions to access them."
        )


def processing_reason(uri: str) -> str:
    """FailureReason of a processing job whose image is gone when it starts."""
    return f"ClientError: API error (404): manifest for {uri} not found: manifest unknown: Requested image not found"
