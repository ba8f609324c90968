"""Where others look at a run: TensorBoard's event files, and MLflow.

Sources, read 2026-11-21: TensorBoardOutputConfig and MlflowConfig of CreateTrainingJob, API reference; "Actions,
resources, and condition keys for Amazon SageMaker with MLflow", Service Authorization Reference.
"""

from __future__ import annotations

from typing import Any, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from pydantic import Field, model_validator

from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.checks import matches

TENSORBOARD_PATH = "/opt/ml/output/tensorboard"
"""Where a TrainingRun with ``Watching(tensorboard=True)`` writes; SageMaker's own default."""


def is_managed(uri: str) -> bool:
    """Whether a tracking URI is the ARN of a managed MLflow: one that exists, or one of this deployment."""
    return uri.startswith("arn:") or cdk.Token.is_unresolved(uri)


class TensorBoardOutput(Value):
    """Event files, copied to S3 while the job runs."""

    location: Location
    """Where they go, below a folder of the job's name."""
    local_path: str = Field(default=TENSORBOARD_PATH, pattern=r"^/opt/ml/[A-Za-z0-9_/-]+$")
    """Folder in the container."""

    def bind(self, role: iam.IRole) -> dict[str, Any]:
        """Grant the place to ``role`` and give the field of the training request."""
        self.location.grant_read_write(role)
        return {"TensorBoardOutputConfig": {"S3OutputPath": self.location.uri, "LocalPath": self.local_path}}


class MlflowTracking(Value):
    """A managed MLflow, as an app or a tracking server of SageMaker."""

    arn: str
    """ARN of the app or the server; one of this deployment is known when it is made."""
    experiment: str = Field(min_length=1, max_length=256)
    """Experiment that runs belong to; made when it does not exist."""
    run_name: str | None = Field(default=None, min_length=1, max_length=256)
    """Name of the run; MLflow's own by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not cdk.Token.is_unresolved(self.arn):
            matches("arn", self.arn, r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-[a-zA-Z-]*/.+")
        return self

    @property
    def _is_app(self) -> bool:
        # What this deployment makes is an app.
        return ":mlflow-app/" in self.arn or cdk.Token.is_unresolved(self.arn)

    def bind(self, role: iam.IRole) -> dict[str, Any]:
        """Let ``role`` log there and give the field of the training request."""
        if self._is_app:
            actions = ["sagemaker:CallMlflowAppApi", "sagemaker:DescribeMlflowApp"]
        else:
            actions = ["sagemaker-mlflow:*"]
        role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[self.arn]))
        name = {"MlflowRunName": self.run_name} if self.run_name else {}
        return {"MlflowConfig": {"MlflowResourceArn": self.arn, "MlflowExperimentName": self.experiment, **name}}
