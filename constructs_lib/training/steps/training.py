"""A training job as a step."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.training.capacity import Capacity
from constructs_lib.training.checkpoint import Checkpoint
from constructs_lib.training.code import Program
from constructs_lib.training.entrypoint import CODE, TRAINING_INPUT, entrypoint
from constructs_lib.training.expressions import Expression, Get
from constructs_lib.training.image import DeepLearningImage
from constructs_lib.training.location import Location, Source, StepOutput
from constructs_lib.training.resources import TrainingResources
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Binding, Environment, Step, check_environment
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.hyperparameters import encode
from ml_contract.metrics import Metric

MOST_CHANNELS = 20
MOST_METRICS = 40


class Channel(Value):
    """Data that each host finds in /opt/ml/input/data/<name>."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Name of the folder."""
    source: Source
    """Where the data lies."""
    mode: Literal["File", "FastFile"] = "File"
    """File, the default, copies before the start; FastFile reads through as files are opened."""

    def render(self) -> dict[str, Any]:
        """The channel as the request writes it."""
        return _channel(self.name, self.source.uri, self.mode)


def _channel(name: str, uri: str | Expression, mode: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": source}}


class TrainingStep(Step):
    """Runs a training job.

    Limits: CreateTrainingJob, API reference, read 2026-11-21.
    """

    image: DeepLearningImage
    """Container image."""
    program: Program
    """What runs as the container's first process."""
    resources: TrainingResources
    """Hosts."""
    capacity: Capacity
    """Where the hosts come from, and how long they may run."""
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=MOST_CHANNELS - 1)
    """Input data; one more channel, ``code``, is the program's own."""
    output: Location
    """Where model.tar.gz goes, below a folder of the job's name."""
    hyperparameters: object
    """A frozen dataclass, checked when it was built; it reaches the program as strings."""
    overrides: dict[str, Expression] = Field(default_factory=dict)
    """Hyperparameters that are known only to an execution; none by default."""
    checkpoint: Checkpoint | None = None
    """Where state is kept; spot capacity requires it."""
    metrics: tuple[Metric, ...] = Field(default=(), max_length=MOST_METRICS)
    """Figures that SageMaker reads from the log; none by default."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables; none by default."""
    retries: tuple[RetryPolicy, ...] = ()
    """When the job is started anew; never by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [channel.name for channel in self.channels]
        if len({*names, CODE}) <= len(names):
            reject("channels", names, f"names differ, and {CODE!r} is the program's own", "Rename a channel.")
        if not dataclasses.is_dataclass(self.hyperparameters):
            reject("hyperparameters", self.hyperparameters, "it must be a dataclass", "Build one, such as BytesLm(…).")
        known = [field.name for field in dataclasses.fields(self.hyperparameters)]
        given = {**self.overrides, **(self.checkpoint.hyperparameters() if self.checkpoint else {})}
        for name in given:
            if name not in known:
                reject(f"overrides.{name}", name, f"{type(self.hyperparameters).__name__} has no such field",
                       f"Its fields are {', '.join(sorted(known))}.")  # fmt: skip
        if isinstance(self.checkpoint, Checkpoint) or self.checkpoint is None:
            self.capacity.bind(self.checkpoint)
        check_environment(self.environment)
        check_disjoint(self.retries)
        return self

    @property
    def model(self) -> StepOutput:
        """The artifact, model.tar.gz."""
        return StepOutput(get=Get(path=f"Steps.{self.name}.ModelArtifacts.S3ModelArtifacts"), location=self.output)

    def bind(self, binding: Binding) -> dict[str, Any]:
        role = binding.role
        self.image.grant_pull(role)
        self.program.code.grant_read(role)
        for channel in self.channels:
            channel.source.grant_read(role)
        self.output.grant_read_write(role)
        key = self.output.bucket.encryption_key
        hyperparameters: dict[str, Any] = dict(encode(self.hyperparameters)) | self.overrides
        checkpoint: dict[str, Any] = {}
        if self.checkpoint:
            checkpoint = self.checkpoint.bind(role)
            hyperparameters |= self.checkpoint.hyperparameters()
        arguments = {
            "AlgorithmSpecification": {
                "TrainingImage": self.image.uri(binding.scope),
                "TrainingInputMode": "File",
                "ContainerEntrypoint": entrypoint(self.program.module, archive_folder=TRAINING_INPUT),
                "EnableSageMakerMetricsTimeSeries": False,
                "MetricDefinitions": [{"Name": metric.name, "Regex": metric.regex} for metric in self.metrics],
            },
            "RoleArn": role.role_arn,
            "InputDataConfig": [
                _channel(CODE, self.program.code.uri, "File"),
                *(channel.render() for channel in self.channels),
            ],
            "OutputDataConfig": {"S3OutputPath": self.output.uri, **({"KmsKeyId": key.key_arn} if key else {})},
            "ResourceConfig": {**self.resources.render(binding.key.key_arn), **self.capacity.resources()},
            "VpcConfig": binding.vpc(),
            "HyperParameters": hyperparameters,
            "Environment": self.environment,
            "EnableNetworkIsolation": False,
            **self.capacity.bind(self.checkpoint),
            **checkpoint,
        }
        return self.entry("Training", arguments, RetryPolicies=[policy.render() for policy in self.retries])
