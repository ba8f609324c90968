"""What all steps that make baselines share: a processing job in the container of a monitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from pydantic import model_validator

from constructs_lib.training.binding import Binding
from constructs_lib.training.expressions import Expression
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location, Source
from constructs_lib.training.resources import ProcessingResources
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Step

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"


@dataclass(frozen=True, kw_only=True)
class Further:
    """What a baseline's container is given beside the data."""

    inputs: tuple[dict[str, Any], ...] = ()
    """Further inputs of the request."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables, which name them."""


class BaselineStep(Step):
    """A processing job in the container of a monitor, whose own entrypoint runs."""

    image: ClassVar[ContainerImage]
    """What computes the baseline."""
    folder: ClassVar[str]
    """Where the container looks for the data."""

    dataset: Source
    """Data to be held against later."""
    resources: ProcessingResources
    """The host."""
    output: Location
    """Where the baseline goes: a monitor's ``baseline``."""
    retries: tuple[RetryPolicy, ...] = ()
    """When the job is started anew; never by default."""

    @model_validator(mode="after")
    def _check_retries(self) -> Self:
        check_disjoint(self.retries)
        return self

    def environment(self) -> dict[str, str]:
        """What the container is told."""
        return {}

    def further(self, _binding: Binding, /) -> Further:
        """What the container is given beside the data."""
        return Further()

    def bind(self, binding: Binding) -> dict[str, Any]:
        role = binding.role
        self.image.grant_pull(role)
        self.dataset.grant_read(role)
        self.output.grant_read_write(role)
        key, further = self.output.bucket.encryption_key, self.further(binding)
        output = {"OutputName": "baseline", "S3Output": {
            "S3Uri": self.output.uri, "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}}  # fmt: skip
        arguments = {
            **self.resources.render(binding.key.key_arn),
            "AppSpecification": {"ImageUri": self.image.uri(binding.scope)},
            "RoleArn": role.role_arn,
            "ProcessingInputs": [
                processing_input("data", self.dataset.uri, self.folder),
                *further.inputs,
            ],
            "ProcessingOutputConfig": {"Outputs": [output], **({"KmsKeyId": key.key_arn} if key else {})},
            "Environment": {**self.environment(), **further.environment},
            "NetworkConfig": {"EnableNetworkIsolation": False, "VpcConfig": binding.vpc()},
        }
        return self.entry("Processing", arguments, RetryPolicies=[policy.render() for policy in self.retries])


def processing_input(name: str, uri: str | Expression, folder: str) -> dict[str, Any]:
    """An input of a processing request."""
    place = {"S3Uri": uri, "LocalPath": folder, "S3DataType": "S3Prefix", "S3InputMode": "File",
             "S3DataDistributionType": "FullyReplicated"}  # fmt: skip
    return {"InputName": name, "S3Input": place}
