"""Directories that mirror a place in S3.

Sources, read 2026-11-22: CreateDataRepositoryAssociation, Amazon FSx API reference; "Linking your file system to an
Amazon S3 bucket" and "Working with server-side encrypted Amazon S3 buckets", FSx for Lustre User Guide.
"""

from __future__ import annotations

from typing import Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_fsx as fsx
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from pydantic import Field, model_validator

from constructs_lib.retention import LogDays
from constructs_lib.values import Value
from ml_contract.errors import reject

MOST_REPOSITORIES = 8
Event = Literal["NEW", "CHANGED", "DELETED"]


class Repository(Value):
    """A directory of the file system that is linked to a place in S3."""

    directory: str = Field(pattern=r"^/([^/\s]+(/[^/\s]+)*)?$", max_length=4096)
    """Where its files appear, for example ``/data``; ``/`` is the whole file system, which then has no other."""
    bucket: str = Field(min_length=3)
    """Name under which the file system is given the bucket, for example ``data``."""
    prefix: str = Field(pattern=r"^([^/\s]+/)*$", max_length=900)
    """Prefix in the bucket, which ends with a slash; empty for the whole bucket."""
    imports: tuple[Event, ...]
    """Changes in S3 that appear as files; what is there at the beginning is listed in any case."""
    exports: tuple[Event, ...]
    """Changes of files that are written to S3. With ``DELETED``, what a job removes is gone in S3 too."""
    chunk_mib: int = Field(default=1024, ge=1, le=512_000)
    """A larger file is spread over several disks in pieces of this size, MiB; 1024 by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("imports", "exports"):
            events = getattr(self, name)
            if len(set(events)) < len(events):
                reject(name, events, "an event is named once", "Remove the repetition.")
        return self

    def policies(self) -> fsx.CfnDataRepositoryAssociation.S3Property | None:
        """What is imported and exported by itself, or None where nothing is."""
        link = fsx.CfnDataRepositoryAssociation
        if not self.imports and not self.exports:
            return None
        return link.S3Property(
            auto_import_policy=link.AutoImportPolicyProperty(events=list(self.imports)) if self.imports else None,
            auto_export_policy=link.AutoExportPolicyProperty(events=list(self.exports)) if self.exports else None,
        )


class Mirror(Value):
    """What a file system mirrors, and where failures of it are told."""

    repositories: tuple[Repository, ...] = Field(min_length=1)
    """Directories, at most 8; neither they nor their places in S3 overlap."""
    log_days: LogDays
    """Days that imports and exports that failed are kept in the log."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.repositories) > MOST_REPOSITORIES:
            reject("repositories", len(self.repositories), f"a file system has at most {MOST_REPOSITORIES}",
                   "Link a prefix above several of them.")  # fmt: skip
        for index, one in enumerate(self.repositories):
            for other in self.repositories[:index]:
                if _overlap(one.directory.rstrip("/") + "/", other.directory.rstrip("/") + "/"):
                    reject(f"repositories.{index}.directory", one.directory, f"it overlaps {other.directory}",
                           "Give each its own directory.")  # fmt: skip
                if one.bucket == other.bucket and _overlap(one.prefix, other.prefix):
                    reject(f"repositories.{index}.prefix", one.prefix, f"it overlaps {other.prefix!r} of the same "
                           "bucket", "Give each its own prefix.")  # fmt: skip
        return self

    @property
    def publishers(self) -> dict[str, str]:
        """Ways that changes take by themselves, ``import`` or ``export``, and who tells CloudWatch of each."""
        used = {
            "import": ("AutoImport", any(one.imports for one in self.repositories)),
            "export": ("AutoExport", any(one.exports for one in self.repositories)),
        }
        return {way: publisher for way, (publisher, is_used) in used.items() if is_used}


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def let_file_systems_use(key: kms.IKey) -> None:
    """Allow linked file systems of the account to read and write objects in S3 that ``key`` encrypts.

    FSx makes a role for each linked file system, whose name is known only then, and whose policy names no key: without
    this statement imports and exports fail one by one, and the link itself looks healthy. The bucket is not named: it
    needs the key first.
    """
    stack = cdk.Stack.of(key)
    roles = (
        f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/"
        "AWSServiceRoleForFSxS3Access_fs-*"
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.AccountRootPrincipal()],
            actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            resources=["*"],
            conditions={
                "ArnLike": {"aws:PrincipalArn": roles},
                "StringEquals": {"kms:ViaService": f"s3.{stack.region}.amazonaws.com"},
            },
        )
    )
