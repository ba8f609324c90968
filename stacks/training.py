"""The pipeline of the byte-level language model."""

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
from ml_contract import bytes_lm
from ml_contract.metrics import METRICS
from ml_contract.packaging import ARCHIVE
from stacks.base import EnvironmentStack
from stacks.environment import BytesLmServing, BytesLmTraining, Environment

WORKLOAD = bytes_lm.NAME.replace("_", "-")
BINARY = "application/vnd.sagemaker-triton.binary+json;json-header-size=*"
EVALUATION = "Evaluation"


class TrainingStack(EnvironmentStack):
    """Prepare, train, evaluate, and register what beats the baseline."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, network: Network, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id, environment=environment)
        name = f"trainyard-{environment.name}-{WORKLOAD}"
        self.packages = sagemaker.CfnModelPackageGroup(
            self, "Packages", model_package_group_name=name, model_package_group_description="Byte-level language model"
        )
        self.models = Location(bucket=storage.artifacts, prefix=f"packages/{WORKLOAD}")
        training, serving = environment.training, environment.serving
        parameters = Parameters(training)
        pipeline = TrainingPipeline(
            self,
            "Pipeline",
            name=name,
            parameters=parameters.all,
            steps=self._steps(parameters, training, serving, storage),
            network=network,
            key=storage.key,
        )
        self.output("PipelineName", pipeline.resource.ref, "The pipeline")
        self.output("StartCommand", pipeline.start_command, "Starts an execution")
        self.output("TrainingRoleArn", pipeline.jobs.role_arn, "Role of the jobs")
        self.output("ModelPackageGroupName", name, "Registered models")

    def _steps(
        self, parameters: Parameters, training: BytesLmTraining, serving: BytesLmServing, storage: Storage
    ) -> tuple[ProcessingStep, TrainingStep, ProcessingStep, ConditionStep]:
        trainer = CodeBundle(self, "TrainingCode", packages=("ml_contract", "training_code"))
        packer = CodeBundle(self, "ServingCode", packages=("inference_code", "ml_contract"))
        artifacts = Location(bucket=storage.artifacts, prefix=f"runs/{WORKLOAD}", path=(EXECUTION_ID,))
        prepare = ProcessingStep(
            name="Prepare",
            image=training.image,
            program=trainer.program("training_code.bytes_lm.prepare"),
            resources=training.processing,
            options=training.prepare,
            outputs=(
                Output(
                    name="dataset",
                    location=Location(bucket=storage.data, prefix=f"datasets/{WORKLOAD}", path=(EXECUTION_ID,)),
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
            hyperparameters=training.model,
            overrides={"steps": parameters.steps.as_text(), "seed": parameters.seed.as_text()},
            checkpoint=DirectCheckpoint(
                location=Location(bucket=storage.checkpoints, prefix=WORKLOAD, path=(EXECUTION_ID,)),
                hyperparameter="checkpoint_uri",
            ),
            output=artifacts.below("model"),
            metrics=METRICS,
            retries=training.retries,
        )
        evaluate = ProcessingStep(
            name="Evaluate",
            image=training.image,
            program=trainer.program("training_code.bytes_lm.evaluate"),
            resources=training.processing,
            options=training.evaluate,
            inputs=(Input(name="model", source=train.model), Input(name="heldout", source=dataset.below("heldout"))),
            outputs=(Output(name="evaluation", location=artifacts.below("evaluation")),),
            property_files=(PropertyFile(name=EVALUATION, output="evaluation", path="evaluation.json"),),
            retries=training.retries,
        )
        package = ProcessingStep(
            name="Package",
            image=training.image,
            program=packer.program("inference_code.package"),
            resources=training.processing,
            options=serving.package,
            inputs=(Input(name="model", source=train.model),),
            outputs=(Output(name="repository", location=self.models.below(EXECUTION_ID)),),
            retries=training.retries,
        )
        register = RegisterModelStep(
            name="Register",
            group=self.packages,
            image=serving.image,
            model_data=package.output("repository").below(ARCHIVE),
            statistics=evaluate.output("evaluation").below("evaluation.json"),
            environment={"SAGEMAKER_TRITON_DEFAULT_MODEL_NAME": bytes_lm.NAME},
            instance_types=(serving.resources.instance_type,),
            content_types=("application/json", "application/octet-stream", BINARY),
            response_types=("application/json", "application/octet-stream", BINARY),
            approval=training.approval,
            metadata={"execution": EXECUTION_ID},
        )
        score = evaluate.figure(EVALUATION, "bits_per_byte")
        baseline = evaluate.figure(EVALUATION, "order0_bits_per_byte")
        reject = FailStep(
            name="Reject",
            message=Join(
                on=" ",
                values=(
                    "Not registered: the model has", score, "bits per byte on held-out text. It must have fewer than",
                    "the threshold", parameters.threshold, "and fewer than the order-0 baseline", baseline,
                ),
            ),
        )  # fmt: skip
        decide = ConditionStep(
            name="BeatsBaseline",
            conditions=(
                Comparison(left=score, operator="LessThan", right=parameters.threshold),
                Comparison(left=score, operator="LessThan", right=baseline),
            ),
            if_steps=(package, register),
            else_steps=(reject,),
        )
        return prepare, train, evaluate, decide


class Parameters:
    """What an operator may vary from execution to execution; the defaults are the environment's."""

    def __init__(self, training: BytesLmTraining) -> None:
        self.threshold = Parameter(name="BitsPerByteThreshold", type="Float", default=training.bits_per_byte)
        self.steps = Parameter(name="TrainingSteps", type="Integer", default=training.model.steps)
        self.seed = Parameter(name="Seed", type="Integer", default=training.model.seed)
        self.all = (self.threshold, self.steps, self.seed)
