"""The steps after evaluation: decide, package, register."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from constructs_lib.training import EXECUTION_ID, CodeBundle, Join, Location, Parameter, StepOutput
from constructs_lib.training.expressions import Expression
from constructs_lib.training.steps import (
    Comparison,
    ConditionStep,
    FailStep,
    Output,
    ProcessingStep,
    RegisterModelStep,
)
from constructs_lib.training.steps.base import Step
from ml_contract.packaging import ARCHIVE, PackageOptions
from stacks.processing_step import processing_step
from stacks.workload_training import WorkloadTraining

EVALUATION = "Evaluation"
"""The property file that the decision reads."""


@dataclass(frozen=True)
class RegistrationSteps:
    """Builds them."""

    scope: Construct
    """The stack: code becomes its assets."""
    training: WorkloadTraining
    """What the environment says of the pipeline."""
    threshold: Parameter
    """What the criterion's figure is held against."""
    packages: sagemaker.CfnModelPackageGroup
    """Where models are registered."""
    models: Location
    """Where packed models go."""
    model: StepOutput
    """What was trained."""
    evaluate: ProcessingStep
    """What judged it."""

    def decision(self) -> ConditionStep:
        """Register the model where its evaluation meets the criterion; say why not otherwise."""
        criterion, threshold = self.training.criterion, self.threshold
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
        training, packaging, model = self.training, self.training.packaging, self.model
        packing: tuple[ProcessingStep, ...] = ()
        if packaging.step is not None:
            packing = self._packing(packaging.step)
            model = packing[-1].output("repository").below(ARCHIVE)
        environment: dict[str, str | Expression] = {**packaging.environment(training.run.workload.kind)}
        register = RegisterModelStep(
            name="Register",
            group=self.packages,
            image=packaging.served_by,
            model_data=model,
            statistics=self.evaluate.output("evaluation").below("evaluation.json"),
            environment=environment,
            instance_types=packaging.instance_types,
            content_types=packaging.media_types,
            response_types=packaging.media_types,
            approval=training.approval,
            metadata={"execution": EXECUTION_ID},
        )
        return (*packing, register)

    def _packing(self, options: PackageOptions) -> tuple[ProcessingStep, ...]:
        """Build the repository; where it has TensorRT engines, build these in the image and on the type that serve."""
        packer = CodeBundle(self.scope, "ServingCode", packages=("inference_code", "ml_contract"))
        repository = self.models.below(EXECUTION_ID)
        types = options.engine_types
        package = processing_step(
            self.training,
            "Package",
            packer.program("inference_code.package"),
            options=options,
            inputs={"model": self.model},
            output=Output(name="repository", location=repository.below("graphs") if types else repository),
        )
        if not types:
            return (package,)
        engine = processing_step(
            self.training,
            "BuildEngines",
            packer.program("inference_code.engine"),
            options=None,
            inputs={"repository": package.output("repository")},
            output=Output(name="repository", location=repository),
            image=self.training.packaging.served_by,
            instance_type=types[0],
        )
        return package, engine
