"""The steps of a workload's pipeline: prepare, train, evaluate, and those of registration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.storage import DATASETS, SHARED, Storage
from constructs_lib.training import (
    EXECUTION_ARN,
    EXECUTION_ID,
    CodeBundle,
    DirectCheckpoint,
    Location,
    MlflowTracking,
    Parameter,
    TensorBoardOutput,
)
from constructs_lib.training.expressions import Expression
from constructs_lib.training.steps import (
    Channel,
    Output,
    ProcessingStep,
    PropertyFile,
    StreamChannel,
    TrainingStep,
)
from constructs_lib.training.steps.base import Step
from constructs_lib.training.tracking import is_managed
from ml_contract import tracking
from ml_contract.metrics import METRICS
from stacks.processing_step import processing_step
from stacks.registration_steps import EVALUATION, RegistrationSteps
from stacks.workload_training import WorkloadTraining


class Parameters:
    """What an operator may vary from execution to execution; the defaults are the environment's."""

    def __init__(self, training: WorkloadTraining) -> None:
        run = training.run
        self.threshold = Parameter(name="Threshold", type="Float", default=training.criterion.threshold)
        self.duration_field = "steps" if run.steps is not None else "epochs"
        self.duration = Parameter(
            name="TrainingSteps" if run.steps is not None else "Epochs",
            type="Integer",
            default=run.steps if run.steps is not None else run.epochs,
        )
        self.seed = Parameter(name="Seed", type="Integer", default=run.seed)
        self.all = (self.threshold, self.duration, self.seed)


@dataclass(frozen=True)
class TrainingSteps:
    """Builds the steps; what several of them need exists once."""

    scope: Construct
    """The stack: code becomes its assets."""
    training: WorkloadTraining
    """What the environment says of the pipeline."""
    parameters: Parameters
    """What an execution may say instead."""
    storage: Storage
    """Buckets."""
    packages: sagemaker.CfnModelPackageGroup
    """Where models are registered."""
    models: Location
    """Where packed models go."""
    subject: str | None = None
    """Whose signs of life training jobs give, for alarms; None: nobody looks."""
    environment: str = ""
    """Name of the environment, which runs of a tracker are tagged with."""
    mlflow: str | None = None
    """ARN of the environment's MLflow, for runs that name none themselves; None: there is none."""

    def all(self) -> tuple[Step, ...]:
        """Every step, in the order in which they run."""
        decide = RegistrationSteps(
            self.scope, self.training, self.parameters.threshold, self.packages, self.models, self.train.model,
            self.evaluate,
        )  # fmt: skip
        return self.prepare, self.train, self.evaluate, decide.decision()

    @cached_property
    def _trainer(self) -> CodeBundle:
        return CodeBundle(self.scope, "TrainingCode", packages=("ml_contract", "training_code"))

    @property
    def _module(self) -> str:
        return f"training_code.workloads.{self.training.run.workload.kind}"

    @property
    def runs(self) -> str:
        """Where executions write what they trained, below the artifact bucket."""
        return f"runs/{self.training.workload}"

    @property
    def _artifacts(self) -> Location:
        return Location(bucket=self.storage.artifacts, prefix=self.runs, path=(EXECUTION_ID,))

    def _shared(self, step: str) -> dict[str, Location]:
        """Inputs of a step that lie in the data bucket already, by name."""
        return {
            entry.name: Location(bucket=self.storage.data, prefix=f"{SHARED}/{entry.prefix}")
            for entry in self.training.inputs
            if step in entry.steps
        }

    @cached_property
    def prepare(self) -> ProcessingStep:
        """Writes the splits ``train`` and ``heldout``."""
        workload = self.training.workload
        location = Location(bucket=self.storage.data, prefix=f"{DATASETS}/{workload}", path=(EXECUTION_ID,))
        return processing_step(
            self.training,
            "Prepare",
            self._trainer.program(f"{self._module}.prepare"),
            options=self.training.prepare,
            inputs=self._shared("Prepare"),
            output=Output(name="dataset", location=location),
        )

    @cached_property
    def train(self) -> TrainingStep:
        """Trains on the one split and never sees the other."""
        training, parameters, run = self.training, self.parameters, self.training.run
        split = self.prepare.output("dataset").below("train")
        data = StreamChannel(source=split) if training.data == "stream" else Channel(
            name="train", source=split, mode=training.data
        )  # fmt: skip
        shared = tuple(Channel(name=name, source=source) for name, source in self._shared("Train").items())
        events = TensorBoardOutput(location=self._artifacts.below("tensorboard"))
        watching = replace(run.watching, subject=self.subject, mlflow_uri=run.watching.mlflow_uri or self.mlflow)
        uri = watching.mlflow_uri
        return TrainingStep(
            name="Train",
            image=training.image,
            program=self._trainer.program("training_code.launcher"),
            resources=training.resources,
            capacity=training.capacity,
            channels=(data, *shared),
            hyperparameters=replace(run, watching=watching),
            overrides={parameters.duration_field: parameters.duration.as_text(), "seed": parameters.seed.as_text()},
            checkpoint=DirectCheckpoint(
                location=Location(
                    bucket=self.storage.checkpoints, prefix=training.workload, path=(EXECUTION_ID,)
                ),
                hyperparameter="checkpoint_uri",
            ),
            output=self._artifacts.below("model"),
            metrics=METRICS,
            retries=training.retries,
            encrypt_traffic=training.encrypt_traffic,
            tensorboard=events if run.watching.tensorboard else None,
            mlflow=MlflowTracking(arn=uri, experiment=run.watching.mlflow_experiment)
            if uri is not None and is_managed(uri) else None,
            environment=self._linked() if uri is not None else {},
        )  # fmt: skip

    def _linked(self) -> dict[str, str | Expression]:
        """What a run of the tracker is tagged with, so that it and the execution find each other."""
        return {
            tracking.EXECUTION.variable: EXECUTION_ARN,
            tracking.STEP.variable: "Train",
            tracking.ENVIRONMENT.variable: self.environment,
            tracking.CODE.variable: self._trainer.asset.asset_hash,
        }

    @cached_property
    def evaluate(self) -> ProcessingStep:
        """Writes evaluation.json: figures of the model and of its baselines on the held-out split."""
        return processing_step(
            self.training,
            "Evaluate",
            self._trainer.program(f"{self._module}.evaluate"),
            options=self.training.evaluate,
            inputs={"model": self.train.model, "heldout": self.prepare.output("dataset").below("heldout")},
            output=Output(name="evaluation", location=self._artifacts.below("evaluation")),
            property_files=(PropertyFile(name=EVALUATION, output="evaluation", path="evaluation.json"),),
        )
