"""A training job as a step.

Pipelines take all fields of CreateTrainingJob but TrainingJobName, which they give, and ExperimentConfig, which they
write for the execution ("Pipelines steps", SageMaker Developer Guide, and the requests of the SageMaker SDK 3.27, read
2026-11-21). Tags are the pipeline's (`constructs_lib.training.tagging`).
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.training import combinations, strategy, support
from constructs_lib.training.binding import Binding
from constructs_lib.training.capacity import Capacity
from constructs_lib.training.channels import MOST_CHANNELS, DataChannel, StreamChannel, s3_channel
from constructs_lib.training.checkpoint import Checkpoint
from constructs_lib.training.code import Program
from constructs_lib.training.debugging import Debugger, Profiler
from constructs_lib.training.expressions import Expression, Get
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location, StepOutput
from constructs_lib.training.resources import JobResources
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Environment, Step, check_environment
from constructs_lib.training.streaming import streamed
from constructs_lib.training.tracking import MlflowTracking, TensorBoardOutput
from ml_contract.entrypoint import CODE, TRAINING_INPUT, entrypoint
from ml_contract.errors import reject
from ml_contract.hyperparameters import encode
from ml_contract.metrics import Metric
from ml_contract.training.run import TrainingRun

MOST_METRICS = 40


class TrainingStep(Step):
    """Runs a training job.

    Limits: CreateTrainingJob, API reference, read 2026-11-21.
    """

    image: ContainerImage | None = None
    """Container image; None takes the one of the run's strategy, where the hyperparameters are a TrainingRun."""
    program: Program
    """What the container runs."""
    resources: JobResources
    """Hosts."""
    capacity: Capacity
    """Where the hosts come from, and how long they may run."""
    channels: tuple[DataChannel, ...] = Field(min_length=1, max_length=MOST_CHANNELS - 1)
    """Input data; one more channel, ``code``, is the program's own."""
    output: Location
    """Where model.tar.gz goes, below a folder of the job's name."""
    hyperparameters: object
    """A TrainingRun, or another frozen dataclass of a program of your own, checked when it was built; it reaches the
    program as strings."""
    overrides: dict[str, Expression] = Field(default_factory=dict)
    """Hyperparameters, by the dataclass's own fields, that are known only to an execution; none by default."""
    checkpoint: Checkpoint | None = None
    """Where state is kept; spot capacity requires it."""
    metrics: tuple[Metric, ...] = Field(default=(), max_length=MOST_METRICS)
    """Figures that SageMaker reads from the log; none by default."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables; none by default."""
    retries: tuple[RetryPolicy, ...] = ()
    """When the pipeline starts the job anew, as another job; never by default."""
    retry_attempts: int | None = Field(default=None, ge=1, le=30)
    """How often SageMaker tries the same job again after an internal error; never by default."""
    network_isolation: bool = False
    """Whether containers have no network but each other, and no credentials."""
    encrypt_traffic: bool = False
    """Whether what hosts say to each other is encrypted, which slows every exchange of gradients."""
    health_check: bool = False
    """Whether SageMaker checks the hosts' hardware and network before the program starts."""
    remote_debugging: bool = False
    """Whether a shell in the running container can be opened through Systems Manager."""
    session_tags: bool = False
    """Whether session tags of whoever creates the job reach the session of the job's role."""
    tensorboard: TensorBoardOutput | None = None
    """Where TensorBoard's event files go; nowhere by default."""
    mlflow: MlflowTracking | None = None
    """Managed MLflow that the run logs to; none by default."""
    debugger: Debugger | None = None
    """SageMaker Debugger, which is closed to new customers; off by default."""
    profiler: Profiler | None = None
    """SageMaker's profiler, which ends in 2027; off by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        combinations.check(self)
        check_environment(self.environment)
        check_disjoint(self.retries)
        assert self.bound
        return self

    @property
    def bound(self) -> strategy.StrategyBinding:
        """The run with its hosts and its image.

        Raises:
            ContractError: They do not go together, or there is no image.
        """
        if isinstance(self.hyperparameters, TrainingRun):
            if self.hyperparameters.checkpointing.memory is not None:
                reject("hyperparameters.checkpointing.memory", "MemoryTier", "the instances of a training job are gone"
                       " with it, and their memory is",
                       "Leave it out, or submit the run to an EKS cluster.")  # fmt: skip
            return strategy.bind(self.hyperparameters, self.resources, self.image)
        if self.image is None:
            reject("image", None, "only a TrainingRun has an image of its own", "Give the program's image.")
        return strategy.StrategyBinding(image=self.image, layouts=())

    @property
    def model(self) -> StepOutput:
        """The artifact, model.tar.gz."""
        return StepOutput(get=Get(path=f"Steps.{self.name}.ModelArtifacts.S3ModelArtifacts"), location=self.output)

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        role, image = binding.role, self.bound.image
        support.warn(self, binding)
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
