"""What a closed network must reach, as data."""

from __future__ import annotations

from pydantic import Field

from constructs_lib.values import Value


class Endpoint(Value):
    """An interface endpoint."""

    id: str = Field(pattern=r"^[A-Z][A-Za-z]+$")
    """Construct id, part of the logical id."""
    service: str = Field(pattern=r"^[a-z.-]+$")
    """Name of the service behind ``com.amazonaws.<region>.``."""
    reason: str = Field(min_length=1)
    """Who calls it from inside the network."""


ENDPOINTS = (
    Endpoint(id="SageMakerApi", service="sagemaker.api", reason="jobs that describe or start SageMaker resources"),
    Endpoint(id="SageMakerRuntime", service="sagemaker.runtime", reason="callers of endpoints inside the network"),
    Endpoint(id="Sts", service="sts", reason="SDKs that ask for an identity"),
    Endpoint(id="Logs", service="logs", reason="logs of jobs and endpoints"),
    Endpoint(id="Monitoring", service="monitoring", reason="metrics of jobs and endpoints"),
    Endpoint(id="EcrApi", service="ecr.api", reason="addresses of images"),
    Endpoint(id="EcrDocker", service="ecr.dkr", reason="images; their layers come through the S3 endpoint"),
    Endpoint(id="Kms", service="kms", reason="data keys of objects and volumes"),
)
"""Interface endpoints of a network without internet. S3 is a gateway endpoint and has no price."""
