"""Requests and answers, kept for monitoring.

Sources, read 2026-11-21: DataCaptureConfig, SageMaker API reference; "Capture data from real-time endpoint", SageMaker
AI Developer Guide.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, model_validator

from constructs_lib.serving.binding import Binding
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject

_CONTENT_TYPE = r"^[a-zA-Z0-9](-*[a-zA-Z0-9])*/[a-zA-Z0-9](-*[a-zA-Z0-9.])*$"
ContentType = Annotated[str, Field(pattern=_CONTENT_TYPE, max_length=256)]
_Config = sagemaker.CfnEndpointConfig


class DataCapture(Value):
    """What is written below ``location/ENDPOINT/VARIANT/yyyy/mm/dd/hh/``, as JSON lines."""

    location: Location
    """Where; the bucket's key encrypts it."""
    percentage: int = Field(ge=1, le=100)
    """Share of the requests that is kept, per cent. Little of much traffic is enough to see a drift."""
    what: tuple[Literal["Input", "Output"], ...] = ("Input", "Output")
    """Requests, answers, or both, which is the default."""
    csv_types: tuple[ContentType, ...] = Field(default=(), max_length=10)
    """Content types that are kept as CSV text; what is neither CSV nor JSON is kept in base64."""
    json_types: tuple[ContentType, ...] = Field(default=("application/json",), max_length=10)
    """Content types that are kept as JSON."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.what or len(set(self.what)) < len(self.what):
            reject("what", self.what, "it names Input, Output or each of them once", 'Give ("Input", "Output").')
        both = sorted(set(self.csv_types) & set(self.json_types))
        if both:
            reject("csv_types", both[0], "it is among json_types too", "Name it once.")
        if self.location.path:
            reject("location", self.location.path, "what a pipeline makes has no address when an endpoint is built",
                   "Give a Location without a path.")  # fmt: skip
        return self

    def bind(self, binding: Binding) -> _Config.DataCaptureConfigProperty:
        """Let the endpoint write there, and describe what it keeps."""
        self.location.grant_write(binding.role)
        key = self.location.bucket.encryption_key
        headers = None
        if self.csv_types or self.json_types:
            headers = _Config.CaptureContentTypeHeaderProperty(
                csv_content_types=list(self.csv_types) or None, json_content_types=list(self.json_types) or None
            )
        return _Config.DataCaptureConfigProperty(
            enable_capture=True,
            initial_sampling_percentage=self.percentage,
            destination_s3_uri=str(self.location.uri),
            kms_key_id=key.key_arn if key else None,
            capture_options=[_Config.CaptureOptionProperty(capture_mode=what) for what in self.what],
            capture_content_type_header=headers,
        )
