"""The steps of a workload's pipeline: prepare, train, evaluate, decide, package, register."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.storage import DATASETS, SHARED, Storage
from constructs_lib.training import (
    EXECUTION_ID,
    CodeBundle,
    DirectCheckpoint,
    Join,
    Location,
    MlflowTracking,
    Parameter,
    Program,
    StepOutput,
    TensorBoardOutput,
)
from constructs_lib.training.expressions import Expression
from constructs_lib.training.steps import (
    Channel,
    Comparison,
    ConditionStep,
    FailStep,
    Input,
    Output,
    ProcessingStep,
    PropertyFile,
    RegisterModelStep,
    StreamChannel,
    TrainingStep,
)
from constructs_lib.training.steps.base import Step
from ml_contract.metrics import METRICS
from ml_contract.packaging import ARCHIVE
from stacks.workload_training import WorkloadTraining

JSON = "application/json"
TRITON_TYPES = (
    JSON, "application/octet-stream", "application/vnd.sagemaker-triton.binary+json;json-header-size=*",
)  # fmt: skip
EVALUATION = "Evaluation"


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

    def all(self) -> tuple[Step, ...]:
        """Every step, in the order in which they run."""
        return self.prepare, self.train, self.evaluate, self._decision()

    @cached_property
    def _trainer(self) -> CodeBundle:
        return CodeBundle(self.scope, "TrainingCode", packages=("ml_contract", "training_code"))

    @property
    def _module(self) -> str:
        return f"training_code.workloads.{self.training.run.workload.kind}"

    @property
    def _artifacts(self) -> Location:
        return Location(
            bucket=self.storage.artifacts, prefix=f"runs/{self.training.workload}", path=(EXECUTION_ID,)
        )  # fmt: skip

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
        return self._processing(
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
        uri, events = run.watching.mlflow_uri, TensorBoardOutput(location=self._artifacts.below("tensorboard"))
        return TrainingStep(
            name="Train",
            image=training.image,
            program=self._trainer.program("training_code.launcher"),
            resources=training.resources,
            capacity=training.capacity,
            channels=(data, *shared),
            hyperparameters=run,
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
            if uri is not None and uri.startswith("arn:") else None,
        )  # fmt: skip

    @cached_property
    def evaluate(self) -> ProcessingStep:
        """Writes evaluation.json: figures of the model and of its baselines on the held-out split."""
        return self._processing(
            "Evaluate",
            self._trainer.program(f"{self._module}.evaluate"),
            options=self.training.evaluate,
            inputs={"model": self.train.model, "heldout": self.prepare.output("dataset").below("heldout")},
            output=Output(name="evaluation", location=self._artifacts.below("evaluation")),
            property_files=(PropertyFile(name=EVALUATION, output="evaluation", path="evaluation.json"),),
        )

    def _decision(self) -> ConditionStep:
        """Register the model where its evaluation meets the criterion; say why not otherwise."""
        criterion, threshold = self.training.criterion, self.parameters.threshold
        figure, baseline = (self.evaluate.figure(EVALUATION, name) for name in (criterion.figure, criterion.baseline))
        more = "less" if criterion.better == "LessThan" else "more"
        reject = FailStep(
            name="Reject",
            message=Join(
                on=" ",
                values=(
                    f"Not registered: the model's {criterion.figure} on held-out data is", figure,
                    f"and must be {more} than the threshold", threshold,
                    f"and {more} than {criterion.baseline}", baseline,
                ),
            ),
        )  # fmt: skip
        return ConditionStep(
            name="BeatsBaseline",
            conditions=tuple(
                Comparison(left=figure, operator=criterion.better, right=right) for right in (threshold, baseline)
            ),
            if_steps=self._registration(),
            else_steps=(reject,),
        )

    def _registration(self) -> tuple[Step, ...]:
        training, packaging, model = self.training, self.training.packaging, self.train.model
        package: ProcessingStep | None = None
        types: tuple[str, ...] = (JSON,)
        environment: dict[str, str | Expression] = {}
        if packaging.package is not None:
            package, types = self._package(model), TRITON_TYPES
            model = package.output("repository").below(ARCHIVE)
            environment = {"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": training.run.workload.kind}
        register = RegisterModelStep(
            name="Register",
            group=self.packages,
            image=packaging.image,
            model_data=model,
            statistics=self.evaluate.output("evaluation").below("evaluation.json"),
            environment=environment,
            instance_types=packaging.instance_types,
            content_types=types,
            response_types=types,
            approval=training.approval,
            metadata={"execution": EXECUTION_ID},
        )
        return (register,) if package is None else (package, register)

    def _package(self, model: StepOutput) -> ProcessingStep:
        packer = CodeBundle(self.scope, "ServingCode", packages=("inference_code", "ml_contract"))
        return self._processing(
            "Package",
            packer.program("inference_code.package"),
            options=self.training.packaging.package,
            inputs={"model": model},
            output=Output(name="repository", location=self.models.below(EXECUTION_ID)),
        )

    def _processing(
        self, name: str, program: Program, *, options: object, inputs: Mapping[str, Location | StepOutput],
        output: Output, property_files: tuple[PropertyFile, ...] = (),
    ) -> ProcessingStep:  # fmt: skip
        training = self.training
        return ProcessingStep(
            name=name,
            image=training.job_image,
            program=program,
            resources=training.processing,
            options=options,
            inputs=tuple(Input(name=name, source=source) for name, source in inputs.items()),
            outputs=(output,),
            property_files=property_files,
            retries=training.retries,
        )
