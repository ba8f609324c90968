"""A training job as a step.

Pipelines take all fields of CreateTrainingJob but TrainingJobName, which they give, and ExperimentConfig, which they
write for the execution ("Pipelines steps", SageMaker Developer Guide, and the requests of the SageMaker SDK 3.27, read
2026-11-21). Tags are the pipeline's (`constructs_lib.training.tagging`).
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from constructs_lib.training import combinations, support
from constructs_lib.training.binding import Binding
from constructs_lib.training.channels import StreamChannel, s3_channel
from constructs_lib.training.environment import check_environment
from constructs_lib.training.expressions import Get
from constructs_lib.training.job import TrainingJob
from constructs_lib.training.location import StepOutput
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Step
from constructs_lib.training.streaming import streamed
from ml_contract.entrypoint import CODE, TRAINING_INPUT, entrypoint
from ml_contract.hyperparameters import encode


class TrainingStep(Step, TrainingJob):
    """Runs a training job."""

    retries: tuple[RetryPolicy, ...] = ()
    """When the pipeline starts the job anew, as another job; never by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        combinations.check(self)
        check_environment(self.environment)
        check_disjoint(self.retries)
        assert self.bound
        return self

    @property
    def model(self) -> StepOutput:
        """The artifact, model.tar.gz."""
        return StepOutput(get=Get(path=f"Steps.{self.name}.ModelArtifacts.S3ModelArtifacts"), location=self.output)

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        role, image = binding.role, self.bound.image
        support.warn(self.name, self, binding)
        image.grant_pull(role)
        self.program.code.grant_read(role)
        channels = [entry for channel in self.channels if (entry := channel.bind(binding)) is not None]
        self.output.grant_read_write(role)
        key = self.output.bucket.encryption_key
        arguments = {
            "AlgorithmSpecification": {
                "TrainingImage": image.uri(binding.scope),
                "TrainingInputMode": "File",
                "ContainerEntrypoint": entrypoint(self.program.module, archive_folder=TRAINING_INPUT),
                "EnableSageMakerMetricsTimeSeries": False,
                "MetricDefinitions": [{"Name": metric.name, "Regex": metric.regex} for metric in self.metrics],
            },
            "RoleArn": role.role_arn,
            "InputDataConfig": [s3_channel(CODE, self.program.code.uri, "File"), *channels],
            "OutputDataConfig": {"S3OutputPath": self.output.uri, **({"KmsKeyId": key.key_arn} if key else {})},
            "ResourceConfig": {**self.resources.render(binding.key.key_arn), **self.capacity.resources()},
            "VpcConfig": binding.vpc(),
            "HyperParameters": self._hyperparameters(),
            "Environment": self.environment,
            "EnableNetworkIsolation": self.network_isolation,
            **self.capacity.bind(self.checkpoint),
            **(self.checkpoint.bind(role) if self.checkpoint else {}),
            **support.fields(self, role),
            **(self.tensorboard.bind(role) if self.tensorboard else {}),
            **(self.mlflow.bind(role) if self.mlflow else {}),
            **(self.debugger.bind(binding.scope, role) if self.debugger else {}),
            **(self.profiler.bind(binding.scope, role) if self.profiler else {}),
        }
        return self.entry("Training", arguments, RetryPolicies=[policy.render() for policy in self.retries])

    def _hyperparameters(self) -> dict[str, Any]:
        given: dict[str, Any] = dict(encode(self.hyperparameters))
        for channel in self.channels:
            if isinstance(channel, StreamChannel):
                given |= streamed(self.hyperparameters, channel.hyperparameter, channel.source.uri)
        return given | self.overrides | (self.checkpoint.hyperparameters() if self.checkpoint else {})
