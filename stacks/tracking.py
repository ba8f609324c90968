"""The MLflow of an environment."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.storage import Storage
from constructs_lib.training import Location, MlflowApp, MlflowSettings
from stacks.base import EnvironmentStack
from stacks.environment import Environment


class TrackingStack(EnvironmentStack):
    """An app of its own, in which every pipeline of the environment logs its runs."""

    def __init__(
        self, scope: Construct, *, environment: Environment, settings: MlflowSettings, storage: Storage
    ) -> None:
        super().__init__(scope, "Mlflow", environment=environment)
        self.app = MlflowApp(
            self,
            "App",
            name=self.stack_name,
            settings=settings,
            artifacts=Location(bucket=storage.artifacts, prefix="mlflow"),
            removal=environment.removal,
        )
        self.output("MlflowArn", self.app.arn, "Tracking URI of the environment's runs")
        command = f"aws sagemaker create-presigned-mlflow-app-url --arn {self.app.arn}"
        self.output("OpenCommand", command, "Prints an address that opens MLflow for five minutes")
