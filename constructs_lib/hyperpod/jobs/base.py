"""What jobs of both orchestrators share: a run on nodes, and the places of code, data and checkpoints.

A job's text holds no token: it is a file asset, which a synthesis can show and a shell can check. Tokens reach it as
the variables of ``ml_contract.clusters.jobs``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

from aws_cdk import aws_iam as iam
from constructs import Construct
from pydantic import Field, field_validator, model_validator

from constructs_lib.hyperpod.jobs.places import FolderChannel, JobCheckpoints, JobCode
from constructs_lib.training import strategy
from constructs_lib.training.channels import StreamChannel
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.resources import TrainingResources
from constructs_lib.values import Value
from ml_contract.clusters import jobs as contract
from ml_contract.errors import reject
from ml_contract.training.run import TrainingRun

_GIVEN = (*contract.VARIABLES, contract.RUN)


class ClusterJob(Value, ABC):
    """A training run as a job of a cluster."""

    kind: ClassVar[contract.Kind]

    name: str = Field(pattern=r"^[a-z0-9](-*[a-z0-9]){0,62}$")
    """Name, by which it is submitted and which the scheduler shows; a label of DNS."""
    run: TrainingRun
    """What is trained and how; its ``checkpoint_uri`` and stream are the job's to give."""
    resources: TrainingResources
    """Nodes: type, number and the disk space that each must have free."""
    code: JobCode
    """The launcher's and trainer's packages."""
    data: tuple[FolderChannel, ...] | StreamChannel
    """Where the data is: folders, or a prefix that the trainer reads from S3 itself."""
    checkpoints: JobCheckpoints
    """Where state is kept, without which no node could be lost."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Further environment variables of the job; none by default."""

    @field_validator("environment")
    @classmethod
    def _check_environment(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name in _GIVEN or not name.replace("_", "a").isalnum() or name[:1].isdigit():
                reject(name, value[name], "a variable's name is of letters, digits and _, and none of "
                       f"{', '.join(_GIVEN)}", "Rename it.")  # fmt: skip
        return value

    @model_validator(mode="after")
    def _check_run(self) -> Self:
        if self.run.strategy.launcher == "mpirun":
            reject("run.strategy", self.run.strategy.kind, "mpirun starts its ranks and goes from host to"
                   " host by itself, past the scheduler", "Take Ddp() or Fsdp(), or a pipeline.")  # fmt: skip
        for field, value in (("run.checkpoint_uri", self.run.checkpoint_uri),
                             ("run.loading.stream_uri", self.run.loading.stream_uri)):  # fmt: skip
            if value is not None:
                reject(field, value, "the job gives it, from checkpoints and data", "Leave it out.")
        if isinstance(self.data, StreamChannel):
            if self.data.hyperparameter != "loading.stream_uri":
                reject("data.hyperparameter", self.data.hyperparameter, "a run's own is loading.stream_uri",
                       "Leave it out.")  # fmt: skip
        elif "train" not in (names := [channel.name for channel in self.data]) or len(names) > len(set(names)):
            reject("data", names, "one channel is 'train', and names differ",
                   'Write FolderChannel(name="train", path=…).')  # fmt: skip
        assert self.bound
        return self

    @property
    def image(self) -> ContainerImage | None:
        """The container image; None where the job runs in none, or takes the strategy's own."""
        return None

    @property
    def bound(self) -> strategy.StrategyBinding:
        """The run with its nodes.

        Raises:
            ContractError: They do not go together.
        """
        return strategy.bind(self.run, self.resources, self.image, field="run")

    @abstractmethod
    def text(self) -> str:
        """The script or manifest, the same for the same job: no token, clock or random name."""

    def variables(self, scope: Construct) -> Mapping[str, str]:
        """What the text is told, by the names of ``ml_contract.clusters.jobs``; values may be tokens."""
        image, data = self.image, self.data
        return {
            contract.CODE: self.code.place,
            contract.CHECKPOINTS: self.checkpoints.uri,
            **({contract.STREAM: str(data.source.uri)} if isinstance(data, StreamChannel) else {}),
            **({contract.IMAGE: image.uri(scope)} if image else {}),
        }

    def grant(self, role: iam.IRole) -> None:
        """Let the nodes' role, or the pods', reach what the job does."""
        self.code.grant(role)
        self.checkpoints.grant(role)
        if isinstance(self.data, StreamChannel):
            self.data.source.grant_read(role)
        if self.image:
            self.image.grant_pull(role)
