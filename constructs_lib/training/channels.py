"""Where a training job's data comes from: S3 in four ways, or a file system.

Sources, read 2026-11-21: Channel, S3DataSource and FileSystemDataSource of CreateTrainingJob, API reference; "Setting
up training jobs to access datasets" and "Access Training Data", SageMaker Developer Guide; "File system access control
with Amazon VPC", FSx for Lustre User Guide, for the ports.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from pydantic import Field, field_validator, model_validator

from constructs_lib.training.binding import Binding
from constructs_lib.training.expressions import Expression
from constructs_lib.training.location import Source
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_CHANNELS = 20
_PORTS = {"FSxLustre": ((988, 988), (1018, 1023)), "EFS": ((2049, 2049),)}


class DataChannel(Value):
    """One source of data."""

    def bind(self, binding: Binding) -> dict[str, Any] | None:
        """Grant what the channel needs; its entry in the request, or None where it has none."""
        raise NotImplementedError


class Channel(DataChannel):
    """Objects that each host finds in /opt/ml/input/data/<name>."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Name of the folder."""
    source: Source
    """Where the data lies."""
    mode: Literal["File", "FastFile", "Pipe"] = "File"
    """File, the default, copies before the start; FastFile reads through as files are opened; Pipe streams all objects,
    one after the other, through a named pipe <name>_<epoch>. Pipe is for programs of your own: a TrainingRun is refused
    with it, as the loader reads any sample by its number, in the seed's order, and again after a resume, and a pipe is
    read once from its beginning."""
    sharded: bool = False
    """Whether each host gets its share of the objects; every host gets all by default."""
    manifest: bool = False
    """Whether the source is a manifest, a JSON list of a prefix and what follows it; a key prefix by default."""
    instance_groups: tuple[str, ...] = Field(default=(), max_length=5)
    """Groups of HeterogeneousResources that get the data; all by default."""
    shuffle_seed: int | None = None
    """Seed by which a pipe's objects change their order from epoch to epoch; always the same order by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.manifest and self.mode == "FastFile":
            reject("manifest", True, "FastFile knows key prefixes only", "Take File or Pipe, or a key prefix.")
        if self.shuffle_seed is not None and self.mode != "Pipe":
            reject("shuffle_seed", self.shuffle_seed, f"files of a {self.mode} channel have no order",
                   "Leave it out, or take Pipe.")  # fmt: skip
        return self

    def bind(self, binding: Binding) -> dict[str, Any]:
        self.source.grant_read(binding.role)
        return self.render()

    def render(self) -> dict[str, Any]:
        """The channel as the request writes it."""
        kind = "ManifestFile" if self.manifest else "S3Prefix"
        entry = s3_channel(self.name, self.source.uri, self.mode, kind=kind, sharded=self.sharded)
        if self.instance_groups:
            entry["DataSource"]["S3DataSource"]["InstanceGroupNames"] = list(self.instance_groups)
        if self.shuffle_seed is not None:
            entry["ShuffleConfig"] = {"Seed": self.shuffle_seed}
        return entry


def s3_channel(
    name: str, uri: str | Expression, mode: str, *, kind: str = "S3Prefix", sharded: bool = False
) -> dict[str, Any]:
    """A channel of S3 objects as the request writes it."""
    distribution = "ShardedByS3Key" if sharded else "FullyReplicated"
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": distribution}
    return {"ChannelName": name, "InputMode": mode, "DataSource": {"S3DataSource": source}}


class StreamChannel(DataChannel):
    """Objects that the trainer itself reads from S3 while it trains: no copy, no mount, and it starts at once.

    It is no channel to SageMaker: the trainer gets the address as a hyperparameter, and the role the right to read.
    """

    source: Source
    """Where the data lies."""
    hyperparameter: str = Field(default="loading.stream_uri", pattern=r"^[a-z_]+(\.[a-z_]+)?$")
    """Hyperparameter that receives the address, or a field of one; a TrainingRun's own by default."""

    def bind(self, binding: Binding) -> None:
        self.source.grant_read(binding.role)


class FileSystem(Value):
    """A file system that exists, in the network of the jobs."""

    kind: Literal["FSxLustre", "EFS"]
    """What it is."""
    id: str
    """Id, for example ``fs-0123456789abcdef0``."""
    security_group: str | None
    """Id of its security group, which is opened to the jobs; None where it is open to them."""

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: str) -> str:
        if not cdk.Token.is_unresolved(value) and not (11 <= len(value) <= 21 and value.startswith("fs-")):
            reject(
                "", value, "an id has 11 to 21 characters and begins with fs-", "Write it like fs-0123456789abcdef0."
            )
        return value

    def admit(self, binding: Binding) -> None:
        """Let the jobs of a pipeline reach it."""
        if self.security_group is None:
            return
        name = (
            f"FileSystem-{self.kind}-{self.id}" if not cdk.Token.is_unresolved(self.id) else f"FileSystem-{self.kind}"
        )
        if binding.scope.node.try_find_child(name):
            return
        group = ec2.SecurityGroup.from_security_group_id(binding.scope, name, self.security_group)
        for low, high in _PORTS[self.kind]:
            group.add_ingress_rule(
                binding.network.nodes, ec2.Port.tcp_range(low, high), f"{self.kind} to training jobs"
            )


class FileSystemChannel(DataChannel):
    """A directory of a file system that each host finds in /opt/ml/input/data/<name>."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """Name of the folder."""
    file_system: FileSystem
    """Where the data lies."""
    directory: str = Field(pattern=r"^/[^\s]*$", max_length=4096)
    """Full path of the directory; on Lustre it begins with the mount name, /<mount name>/…."""
    writable: bool = False
    """Whether jobs may write there; they only read by default."""

    def bind(self, binding: Binding) -> dict[str, Any]:
        self.file_system.admit(binding)
        source = {
            "FileSystemId": self.file_system.id,
            "FileSystemType": self.file_system.kind,
            "FileSystemAccessMode": "rw" if self.writable else "ro",
            "DirectoryPath": self.directory,
        }
        return {"ChannelName": self.name, "InputMode": "File", "DataSource": {"FileSystemDataSource": source}}
