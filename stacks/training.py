"""The pipeline of one workload."""

from __future__ import annotations

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.storage import Storage
from constructs_lib.training import (
    EXECUTION_ID,
    CodeBundle,
    DirectCheckpoint,
    Join,
    Location,
    Parameter,
    StepOutput,
    TrainingPipeline,
)
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
    TrainingStep,
)
from constructs_lib.training.steps.base import Step
from ml_contract.metrics import METRICS
from ml_contract.packaging import ARCHIVE
from stacks.base import EnvironmentStack
from stacks.environment import Environment, WorkloadTraining

BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size=*"
EVALUATION = "Evaluation"


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
    ) -> None:
        super().__init__(scope, f"Training-{training.workload}", environment=environment)
        name = f"trainyard-{environment.name}-{training.workload}"
        self.packages = sagemaker.CfnModelPackageGroup(
            self,
            "Packages",
            model_package_group_name=name,
            model_package_group_description=f"Models of the workload {training.workload}",
        )
        self.models = Location(bucket=storage.artifacts, prefix=f"packages/{training.workload}")
        parameters = Parameters(training)
        pipeline = TrainingPipeline(
            self,
            "Pipeline",
            name=name,
            parameters=parameters.all,
            steps=self._steps(parameters, training, storage),
            network=network,
            key=storage.key,
        )
        self.output("PipelineName", pipeline.resource.ref, "The pipeline")
        self.output("StartCommand", pipeline.start_command, "Starts an execution")
        self.output("TrainingRoleArn", pipeline.jobs.role_arn, "Role of the jobs")
        self.output("ModelPackageGroupName", name, "Registered models")

    def _steps(self, parameters: Parameters, training: WorkloadTraining, storage: Storage) -> tuple[Step, ...]:
        workload, kind = training.workload, training.run.workload.kind
        trainer = CodeBundle(self, "TrainingCode", packages=("ml_contract", "training_code"))
        artifacts = Location(bucket=storage.artifacts, prefix=f"runs/{workload}", path=(EXECUTION_ID,))
        prepare = ProcessingStep(
            name="Prepare",
            image=training.image,
            program=trainer.program(f"training_code.workloads.{kind}.prepare"),
            resources=training.processing,
            options=training.prepare,
            outputs=(
                Output(
                    name="dataset",
                    location=Location(bucket=storage.data, prefix=f"datasets/{workload}", path=(EXECUTION_ID,)),
                ),
            ),
            retries=training.retries,
        )
        dataset = prepare.output("dataset")
        train = TrainingStep(
            name="Train",
            image=training.image,
            program=trainer.program("training_code.launcher"),
            resources=training.resources,
            capacity=training.capacity,
            channels=(Channel(name="train", source=dataset.below("train")),),
            hyperparameters=training.run,
            overrides={parameters.duration_field: parameters.duration.as_text(), "seed": parameters.seed.as_text()},
            checkpoint=DirectCheckpoint(
                location=Location(bucket=storage.checkpoints, prefix=workload, path=(EXECUTION_ID,)),
                hyperparameter="checkpoint_uri",
            ),
            output=artifacts.below("model"),
            metrics=METRICS,
            retries=training.retries,
        )
        evaluate = ProcessingStep(
            name="Evaluate",
            image=training.image,
            program=trainer.program(f"training_code.workloads.{kind}.evaluate"),
            resources=training.processing,
            options=training.evaluate,
            inputs=(Input(name="model", source=train.model), Input(name="heldout", source=dataset.below("heldout"))),
            outputs=(Output(name="evaluation", location=artifacts.below("evaluation")),),
            property_files=(PropertyFile(name=EVALUATION, output="evaluation", path="evaluation.json"),),
            retries=training.retries,
        )
        return prepare, train, evaluate, self._decision(parameters, training, train.model, evaluate)

    def _decision(
        self, parameters: Parameters, training: WorkloadTraining, model: StepOutput, evaluate: ProcessingStep
    ) -> ConditionStep:
        """Register the model where its evaluation meets the criterion; say why not otherwise."""
        criterion = training.criterion
        figure, baseline = (evaluate.figure(EVALUATION, name) for name in (criterion.figure, criterion.baseline))
        more = "less" if criterion.better == "LessThan" else "more"
        reject = FailStep(
            name="Reject",
            message=Join(
                on=" ",
                values=(
                    f"Not registered: the model's {criterion.figure} on held-out data is", figure,
                    f"and must be {more} than the threshold", parameters.threshold,
                    f"and {more} than {criterion.baseline}", baseline,
                ),
            ),
        )  # fmt: skip
        return ConditionStep(
            name="BeatsBaseline",
            conditions=tuple(
                Comparison(left=figure, operator=criterion.better, right=right)
                for right in (parameters.threshold, baseline)
            ),
            if_steps=self._registration(training, model, evaluate),
            else_steps=(reject,),
        )

    def _registration(
        self, training: WorkloadTraining, model: StepOutput, evaluate: ProcessingStep
    ) -> tuple[Step, ...]:
        packaging = training.packaging
        steps: list[Step] = []
        if packaging.package is not None:
            packer = CodeBundle(self, "ServingCode", packages=("inference_code", "ml_contract"))
            package = ProcessingStep(
                name="Package",
                image=training.image,
                program=packer.program("inference_code.package"),
                resources=training.processing,
                options=packaging.package,
                inputs=(Input(name="model", source=model),),
                outputs=(Output(name="repository", location=self.models.below(EXECUTION_ID)),),
                retries=training.retries,
            )
            steps.append(package)
            model = package.output("repository").below(ARCHIVE)
        register = RegisterModelStep(
            name="Register",
            group=self.packages,
            image=packaging.image,
            model_data=model,
            statistics=evaluate.output("evaluation").below("evaluation.json"),
            environment={"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": training.run.workload.kind},
            instance_types=packaging.instance_types,
            content_types=("application/json", "application/octet-stream", BINARY),
            response_types=("application/json", "application/octet-stream", BINARY),
            approval=training.approval,
            metadata={"execution": EXECUTION_ID},
        )
        return (*steps, register)


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
