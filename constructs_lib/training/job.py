"""What a training job is asked to be.

Limits: CreateTrainingJob, API reference, read 2026-11-21. What does not go together is in ``combinations``.
"""

from __future__ import annotations

from pydantic import Field

from constructs_lib.training import strategy
from constructs_lib.training.capacity import Capacity
from constructs_lib.training.channels import MOST_CHANNELS, DataChannel
from constructs_lib.training.checkpoint import Checkpoint
from constructs_lib.training.code import Program
from constructs_lib.training.debugging import Debugger, Profiler
from constructs_lib.training.environment import Environment
from constructs_lib.training.expressions import Expression
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.training.resources import JobResources
from constructs_lib.training.tracking import MlflowTracking, TensorBoardOutput
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.metrics import Metric
from ml_contract.training.run import TrainingRun

MOST_METRICS = 40


class TrainingJob(Value):
    """A program, its hosts, its data, and where its results go."""

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
