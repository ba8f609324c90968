"""An MLflow of the environment's own: SageMaker's serverless app.

Sources, read 2026-11-22: AWS::SageMaker::MlflowApp, CloudFormation resource schema (KmsKeyId is the API's alone: a
template encrypts the artifacts by their bucket's key, and the app's database by AWS's); "Set up IAM permissions for
MLflow Apps" and CreateMlflowApp, Amazon SageMaker AI Developer Guide and API Reference, which advise
AmazonS3FullAccess: objects below one prefix are what a store of artifacts writes.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field

from constructs_lib.training.location import Location
from constructs_lib.training.roles import after_policies, sagemaker_role
from constructs_lib.values import Value


class MlflowSettings(Value):
    """An MLflow app; experiments and runs in it live as long as the environment's data."""

    maintenance: str | None = Field(default=None, pattern=r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun):([01]\d|2[0-3]):([0-5]\d)$")
    """When AWS may update it, UTC, for example ``Tue:03:30``; AWS's choice by default."""


class MlflowApp(Construct):
    """App, role and artifact store. Who may ask it is granted to who asks."""

    role: iam.Role
    """Role of the app itself."""
    resource: sagemaker.CfnMlflowApp

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        settings: MlflowSettings,
        artifacts: Location,
        removal: cdk.RemovalPolicy,
    ) -> None:
        """Build it.

        Args:
            scope: Parent.
            construct_id: Construct id.
            name: Name of the app; another one is another app.
            settings: What the environment says of it.
            artifacts: Where runs' files go, in a bucket with the platform's key.
            removal: What happens to experiments and runs when the stack goes.
        """
        super().__init__(scope, construct_id)
        self.role = sagemaker_role(self, "Role", "MLflow: the artifacts of runs")
        artifacts.grant_read_write(self.role)
        self.resource = sagemaker.CfnMlflowApp(
            self,
            "Resource",
            name=name,
            artifact_store_uri=f"s3://{artifacts.bucket.bucket_name}/{artifacts.prefix}",
            role_arn=self.role.role_arn,
            # Models are registered by the pipeline that evaluates them, and by nobody else.
            model_registration_mode="AutoModelRegistrationDisabled",
            weekly_maintenance_window_start=settings.maintenance,
        )
        self.resource.apply_removal_policy(removal)
        after_policies(self.resource, self.role)

    @property
    def arn(self) -> str:
        """ARN of the app, which is its tracking URI."""
        return self.resource.attr_arn
