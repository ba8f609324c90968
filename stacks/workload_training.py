"""What a workload's pipeline is made of: the constructs' own value objects, and the workload's."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.budgets.tags import TEAM_NAME
from constructs_lib.training import (
    ContainerImage,
    JobResources,
    ProcessingResources,
    RetryPolicy,
)
from constructs_lib.training.capacity import Capacity
from constructs_lib.training.strategy import bind
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.training.run import TrainingRun
from stacks.packaging import Packaging, TritonPackaging


class Criterion(Value):
    """What a trained model's evaluation must show before the model is registered."""

    figure: str = Field(pattern=r"^[a-z0-9_]+$")
    """Figure of evaluation.json."""
    better: Literal["LessThan", "GreaterThan"]
    """Which side of threshold and baseline is the good one."""
    threshold: float
    """What the figure is held against; an execution may give its own."""
    baseline: str = Field(pattern=r"^[a-z0-9_]+$")
    """Figure of evaluation.json that a model must beat besides."""


class SharedInput(Value):
    """Files that lie in the data bucket before an execution starts: pretrained weights, a tokenizer."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    """Channel or processing input by which the workload's options name it, for example ``pretrained``."""
    prefix: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=900)
    """Where the files lie below ``shared/`` of the data bucket."""
    steps: tuple[Literal["Prepare", "Train"], ...] = Field(min_length=1)
    """Who reads them."""


class WorkloadTraining(Value):
    """A pipeline: prepare, train, evaluate, register."""

    run: TrainingRun
    """What is trained and how."""
    prepare: object
    """Options of the workload's data preparation, a dataclass of ml_contract.workloads."""
    evaluate: object
    """Options of its evaluation, likewise."""
    image: ContainerImage | None = None
    """Image of all jobs; that of the run's strategy by default."""
    resources: JobResources
    """Hosts of the training job."""
    capacity: Capacity
    """Where the hosts come from, and how long they may run."""
    data: Literal["File", "FastFile", "stream"] = "File"
    """How training reads its split: File, the default, copies it before the start; FastFile reads through as files are
    opened; stream reads from S3 in the trainer itself."""
    inputs: tuple[SharedInput, ...] = ()
    """What jobs read besides; nothing by default."""
    retries: tuple[RetryPolicy, ...]
    """When a failed step is started anew."""
    encrypt_traffic: bool = False
    """Whether what hosts say to each other is encrypted, which slows every exchange of gradients."""
    processing: ProcessingResources
    """Host of the steps before and after training."""
    criterion: Criterion
    """With which evaluation a model is registered."""
    approval: Literal["PendingManualApproval", "Approved"]
    """Whether a person approves a registered model before it can be served."""
    packaging: SerializeAsAny[Packaging]
    """What becomes of a registered model."""
    team: str | None = Field(default=None, pattern=TEAM_NAME)
    """The team that pays for its jobs; the environment's by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = ["train", *(entry.name for entry in self.inputs if "Train" in entry.steps)]
        if len(set(names)) < len(names):
            reject("inputs", names, "channels of training have different names, and train is the split's",
                   "Rename one.")  # fmt: skip
        bind(self.run, self.resources, self.image, field="run")
        if isinstance(self.packaging, TritonPackaging) and getattr(self.run.workload, "graph", True) is False:
            reject("run.workload.graph", False, "packaging is for Triton, which runs graphs",
                   "Set it to True, or take LmiPackaging.")  # fmt: skip
        return self

    @property
    def workload(self) -> str:
        """Name of the workload as stacks and pipelines carry it, for example ``bytes-lm``."""
        return self.run.workload.kind.replace("_", "-")

    @property
    def job_image(self) -> ContainerImage:
        """What all jobs run in."""
        return bind(self.run, self.resources, self.image).image
