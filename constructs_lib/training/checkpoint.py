"""Where a training job keeps its state."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from pydantic import Field

from constructs_lib.training.location import Location
from constructs_lib.values import Value


class Checkpoint(Value):
    """A place for checkpoints, which retries and restarts of a job share."""

    location: Location
    """The prefix, in the region of the job."""

    def bind(self, role: iam.IRole) -> dict[str, Any]:
        """Grant the place to ``role`` and give the fields of the training request."""
        raise NotImplementedError

    def hyperparameters(self) -> dict[str, Any]:
        """Hyperparameters that tell the trainer about the place."""
        raise NotImplementedError


class DirectCheckpoint(Checkpoint):
    """The trainer itself writes to S3: for sharded state, whose order and commit matter."""

    hyperparameter: str = Field(default="checkpoint_uri", min_length=1)
    """Name of the hyperparameter that receives the place; a TrainingRun's own by default."""

    def bind(self, role: iam.IRole) -> dict[str, Any]:
        self.location.grant_read_write(role)
        return {}

    def hyperparameters(self) -> dict[str, Any]:
        return {self.hyperparameter: self.location.uri}


class SyncedCheckpoint(Checkpoint):
    """SageMaker copies a folder to S3, later and in no order: for small files only."""

    local_path: str = Field(default="/opt/ml/checkpoints", pattern=r"^/opt/ml/[a-z/]+$")
    """The folder; SageMaker's own by default."""

    def bind(self, role: iam.IRole) -> dict[str, Any]:
        self.location.grant_read_write(role)
        return {"CheckpointConfig": {"S3Uri": self.location.uri, "LocalPath": self.local_path}}

    def hyperparameters(self) -> dict[str, Any]:
        return {}
