"""Places in S3 that a step reads or writes, each with the grant that its use needs."""

from __future__ import annotations

from typing import Annotated, Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from pydantic import Field, SkipValidation

from constructs_lib.training.expressions import Expression, Get, Join
from constructs_lib.values import Value

# ListBucket cannot be limited to objects; it shows names, never content.
_LIST = ("s3:ListBucket", "s3:GetBucketLocation")
_READ = ("s3:GetObject",)
_PUT = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
# DeleteObject: retention of checkpoints.
_WRITE = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


class Location(Value):
    """A prefix in a bucket."""

    bucket: Annotated[s3.IBucket, SkipValidation]
    """The bucket; its key is granted with it."""
    prefix: str = Field(pattern=r"^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*$")
    """Fixed part of the path, to which the grant is limited."""
    path: tuple[str | Expression, ...] = ()
    """What follows the prefix, for example the execution's id; nothing by default."""

    @property
    def uri(self) -> str | Expression:
        """``s3://bucket/prefix/path``."""
        root = f"s3://{self.bucket.bucket_name}/{self.prefix}"
        return Join(on="/", values=(root, *self.path)) if self.path else root

    def below(self, *path: str | Expression) -> Self:
        """A place below this one."""
        return self.model_copy(update={"path": (*self.path, *path)})

    def grant_read(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` list the bucket, read objects below the prefix and decrypt them."""
        self._grant(identity, _READ)
        if self.bucket.encryption_key:
            self.bucket.encryption_key.grant(identity, "kms:Decrypt")

    def grant_write(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` put objects below the prefix, encrypted, and neither read nor delete any."""
        self._grant(identity, _PUT)
        if self.bucket.encryption_key:
            # Of one object in several parts, S3 decrypts the parts before it joins them.
            self.bucket.encryption_key.grant(identity, "kms:Decrypt", "kms:GenerateDataKey")

    def grant_read_write(self, identity: iam.IGrantable) -> None:
        """Let ``identity`` also write and delete objects below the prefix."""
        self._grant(identity, (*_READ, *_WRITE))
        if self.bucket.encryption_key:
            self.bucket.encryption_key.grant(identity, "kms:Decrypt", "kms:GenerateDataKey")

    def _grant(self, identity: iam.IGrantable, actions: tuple[str, ...]) -> None:
        objects = self.bucket.arn_for_objects(f"{self.prefix}/*")
        for statement in (
            iam.PolicyStatement(actions=list(_LIST), resources=[self.bucket.bucket_arn]),
            iam.PolicyStatement(actions=list(actions), resources=[objects]),
        ):
            identity.grant_principal.add_to_principal_policy(statement)


class StepOutput(Expression):
    """What another step wrote: reading it also makes the reader wait for the writer."""

    get: Get
    """Property of the step that holds the place."""
    location: Location
    """Where the writer was told to write: what a reader needs a grant for."""
    path: tuple[str, ...] = ()
    """Path below the output; nothing by default."""

    def render(self) -> dict[str, object]:
        return (Join(on="/", values=(self.get, *self.path)) if self.path else self.get).render()

    @property
    def uri(self) -> Expression:
        return self

    def below(self, *path: str) -> Self:
        """A place below this one."""
        return self.model_copy(update={"path": (*self.path, *path)})

    def grant_read(self, role: iam.IRole) -> None:
        """Let ``role`` read what the step wrote."""
        self.location.grant_read(role)


Source = Location | StepOutput
