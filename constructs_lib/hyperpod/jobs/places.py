"""Where a cluster's job finds code and data and leaves its state, each with the grant that its nodes need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from aws_cdk import aws_iam as iam
from pydantic import Field, model_validator

from constructs_lib.training.code import CodeBundle
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject

PATH = r"^(/[A-Za-z0-9._-]+)+$"


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
