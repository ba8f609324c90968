"""The pipeline of one workload."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.storage import Storage
from constructs_lib.training import Location, TrainingPipeline
from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.served import PACKAGES, Registered
from stacks.training_steps import Parameters, TrainingSteps
from stacks.workload_training import WorkloadTraining


class TrainingStack(EnvironmentStack):
    """Prepare, train, evaluate, and register what beats the baseline."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        training: WorkloadTraining,
        network: Network,
        storage: Storage,
        mlflow: str | None = None,
    ) -> None:
        super().__init__(scope, f"Training-{training.workload}", environment=environment, team=training.team)
        name = self.name = f"trainyard-{environment.name}-{training.workload}"
        self.packages = sagemaker.CfnModelPackageGroup(
            self,
            "Packages",
            model_package_group_name=name,
            model_package_group_description=f"Models of the workload {training.workload}",
        )
        models = Location(bucket=storage.artifacts, prefix=f"{PACKAGES}/{training.workload}")
        parameters = Parameters(training)
        steps = TrainingSteps(
            self, training=training, parameters=parameters, storage=storage, packages=self.packages, models=models,
            subject=name if environment.operation else None, environment=environment.name, mlflow=mlflow,
        )  # fmt: skip
        pipeline = self.pipeline = TrainingPipeline(
            self,
            "Pipeline",
            name=name,
            parameters=parameters.all,
            steps=steps.all(),
            network=network,
            key=storage.key,
        )
        self.starters = (pipeline.role,)
        """Roles that start jobs."""
        packaging = training.packaging
        self.registered = Registered(
            group=name,
            image=packaging.served_by,
            archives=models if packaging.step else Location(bucket=storage.artifacts, prefix=steps.runs),
        )
        """What endpoints are told of the registered models."""
        self.output("PipelineName", pipeline.resource.ref, "The pipeline")
        self.output("StartCommand", pipeline.start_command, "Starts an execution")
        self.output("TrainingRoleArn", pipeline.jobs.role_arn, "Role of the jobs")
        self.output("ModelPackageGroupName", name, "Registered models")
