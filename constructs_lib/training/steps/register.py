"""A step that registers a model package."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, SkipValidation

from constructs_lib.training.binding import Binding
from constructs_lib.training.environment import Environment, check_environment
from constructs_lib.training.expressions import Expression
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import StepOutput
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Step


class RegisterModelStep(Step):
    """Registers a version of a model: image, data and evaluation."""

    group: Annotated[sagemaker.CfnModelPackageGroup, SkipValidation]
    """The group that receives the version."""
    image: ContainerImage
    """Image that serves the model."""
    model_data: StepOutput
    """The archive that the image serves."""
    statistics: StepOutput | None = None
    """The evaluation's JSON file; none by default."""
    environment: Environment = Field(default_factory=dict)
    """Environment of the serving container; none by default."""
    instance_types: tuple[str, ...] = Field(min_length=1)
    """Types that may serve the model."""
    content_types: tuple[str, ...] = Field(min_length=1)
    """Media types of requests."""
    response_types: tuple[str, ...] = Field(min_length=1)
    """Media types of answers."""
    approval: Literal["PendingManualApproval", "Approved"]
    """Whether a person approves the version before it can be deployed."""
    metadata: dict[str, str | Expression] = Field(default_factory=dict, max_length=50)
    """Properties that the registry shows; none by default."""
    retries: tuple[RetryPolicy, ...] = ()
    """When registering is tried again; never by default."""

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        check_environment(self.environment)
        check_disjoint(self.retries)
        # SageMaker reads what is registered as whoever registers it.
        for source in (self.model_data, self.statistics):
            if source is not None:
                source.grant_read(binding.pipeline_role)
        container = {"Image": self.image.uri(binding.scope), "ModelDataUrl": self.model_data,
                     "Environment": self.environment}  # fmt: skip
        arguments: dict[str, Any] = {
            "ModelPackageGroupName": self.group.model_package_group_name,
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": list(self.content_types),
                "SupportedResponseMIMETypes": list(self.response_types),
                "SupportedRealtimeInferenceInstanceTypes": list(self.instance_types),
                "SupportedTransformInstanceTypes": list(self.instance_types),
            },
            "ModelApprovalStatus": self.approval,
        }
        if self.statistics:
            statistics = {"ContentType": "application/json", "S3Uri": self.statistics}
            arguments["ModelMetrics"] = {"ModelQuality": {"Statistics": statistics}}
        if self.metadata:
            arguments["CustomerMetadataProperties"] = self.metadata
        return self.entry("RegisterModel", arguments, RetryPolicies=[policy.render() for policy in self.retries])
