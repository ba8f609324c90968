"""What jobs of both orchestrators share: a run on hosts, and the places of code, data and checkpoints.

A job's text holds no token: it is a file asset, which a synthesis can show and a shell can check. Tokens reach it as
the variables of ``ml_contract.clusters.jobs``.
"""

from __future__ import annotations

import dataclasses
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_ssm as ssm
from constructs import Construct
from pydantic import Field, field_validator, model_validator

from constructs_lib.training import strategy
from constructs_lib.training.channels import StreamChannel
from constructs_lib.training.code import CodeBundle, grant_read_asset
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from constructs_lib.training.resources import TrainingResources
from constructs_lib.values import Value
from ml_contract.clusters import jobs as contract
from ml_contract.errors import reject
from ml_contract.training.run import TrainingRun

PATH = r"^(/[A-Za-z0-9._-]+)+$"
_GIVEN = (*contract.VARIABLES, contract.RUN)


class JobCode(Value, ABC):
    """Where the packages of the launcher and the trainer are."""

    @property
    @abstractmethod
    def place(self) -> str:
        """``s3://bucket/key`` of an archive, or a folder."""

    @abstractmethod
    def grant(self, role: iam.IRole) -> None:
        """Let the nodes read it."""


class ArchivedCode(JobCode):
    """An archive of the app's assets, which each submission unpacks."""

    bundle: CodeBundle
    """The packages."""

    @property
    def place(self) -> str:
        return self.bundle.uri

    def grant(self, role: iam.IRole) -> None:
        self.bundle.grant_read(role)


class FolderCode(JobCode):
    """A folder that every node sees: packages that are there already."""

    path: str = Field(pattern=PATH)
    """The folder, for example on the shared file system."""

    @property
    def place(self) -> str:
        return self.path

    def grant(self, role: iam.IRole) -> None:
        """Nothing: the file system's own permissions hold."""


class JobCheckpoints(Value, ABC):
    """Where checkpoints go; each submission has a folder below."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """``s3://bucket/prefix`` or ``file:///folder``."""

    @abstractmethod
    def grant(self, role: iam.IRole) -> None:
        """Let the nodes read and write there."""


class S3Checkpoints(JobCheckpoints):
    """A prefix of a bucket, to which the ranks write directly."""

    location: Location
    """The prefix; without a path that only an execution knows."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.location.path:
            reject("location.path", self.location.path, "a cluster's job is no execution of a pipeline",
                   "Write it into the prefix.")  # fmt: skip
        return self

    @property
    def uri(self) -> str:
        return str(self.location.uri)

    def grant(self, role: iam.IRole) -> None:
        self.location.grant_read_write(role)


class SharedCheckpoints(JobCheckpoints):
    """A folder that every node sees."""

    path: str = Field(pattern=PATH)
    """The folder, on the shared file system."""

    @property
    def uri(self) -> str:
        return f"file://{self.path}"

    def grant(self, role: iam.IRole) -> None:
        """Nothing: the file system's own permissions hold."""


class FolderChannel(Value):
    """Data in a folder that every node sees, for example one that Lustre imports from S3."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Name of the channel; a run reads ``train``."""
    path: str = Field(pattern=PATH)
    """The folder."""


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
                reject(
                    "data.hyperparameter",
                    self.data.hyperparameter,
                    "a run's own is loading.stream_uri",
                    "Leave it out.",
                )
        elif "train" not in (names := [channel.name for channel in self.data]) or len(names) > len(set(names)):
            reject(
                "data", names, "one channel is 'train', and names differ", 'Write FolderChannel(name="train", path=…).'
            )
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


class PublishedJob(Construct):
    """A job where ``trainyard cluster submit`` finds it: its text as an asset, a parameter that leads there."""

    def __init__(self, scope: Construct, construct_id: str, *, job: ClusterJob, parameter: str) -> None:
        """Publish the job.

        Args:
            scope: Parent.
            construct_id: Construct id.
            job: The job; `ClusterJob.grant` is the caller's to give to the roles of the groups that run it.
            parameter: Name of the parameter: ``ml_contract.clusters.jobs.parameter``.
        """
        super().__init__(scope, construct_id)
        with tempfile.TemporaryDirectory(prefix="trainyard-job-") as folder:
            path = Path(folder) / f"{job.name}.{'sh' if job.kind == 'slurm' else 'yaml'}"
            path.write_text(job.text())
            # CDK copies the file at once.
            self.asset = assets.Asset(self, "Text", path=str(path))
        for note in job.bound.notes:
            cdk.Annotations.of(self).add_warning_v2(f"trainyard:job:{job.name}:{note}", note)
        document = contract.PublishedJob(
            kind=job.kind, text=self.asset.s3_object_url, variables=dict(job.variables(self))
        )
        text = cdk.Stack.of(self).to_json_string(dataclasses.asdict(document))
        self.parameter = ssm.StringParameter(self, "Parameter", parameter_name=parameter, string_value=text)

    def grant_read(self, role: iam.IRole) -> None:
        """Let ``role`` find and read the job."""
        self.parameter.grant_read(role)
        grant_read_asset(self.asset, role)
