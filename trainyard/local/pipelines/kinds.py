"""The step types that are run here: which operations a step calls, and where it reads the outcome."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import botocore.session
from botocore.model import ServiceModel

from trainyard.local.pipelines.expressions import NAME_FIELDS
from trainyard.local.pipelines.references import Path

CONDITION: Final = "Condition"
FAIL: Final = "Fail"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A step type that creates something in SageMaker."""

    create: str
    """Operation that the step's Arguments are the request of."""
    describe: str
    """Operation whose answer holds the step's properties."""
    stop: str | None = None
    """Operation that stops what was created; None: it is done in a moment."""
    identity: str
    """Field of the request by which a repeated call is known: a name, or an idempotency token."""
    arn: str
    """Field of the answers that holds the ARN."""
    status: str | None = None
    """Field of the description that holds the status; None: it exists, so it is complete."""
    metadata: str
    """Key of the step's Metadata."""

    def described_by(self, record: Mapping[str, Any]) -> dict[str, str]:
        """The request that describes what a step's record says was created."""
        field = self.describe.removeprefix("Describe") + "Name"
        return {field: record["Job"] if field == self.identity else record["Metadata"][self.metadata]["Arn"]}


KINDS: Final[Mapping[str, Kind]] = {
    "Training": Kind(
        create="CreateTrainingJob",
        describe="DescribeTrainingJob",
        stop="StopTrainingJob",
        identity="TrainingJobName",
        arn="TrainingJobArn",
        status="TrainingJobStatus",
        metadata="TrainingJob",
    ),
    "Processing": Kind(
        create="CreateProcessingJob",
        describe="DescribeProcessingJob",
        stop="StopProcessingJob",
        identity="ProcessingJobName",
        arn="ProcessingJobArn",
        status="ProcessingJobStatus",
        metadata="ProcessingJob",
    ),
    "RegisterModel": Kind(
        create="CreateModelPackage",
        describe="DescribeModelPackage",
        identity="ClientToken",
        arn="ModelPackageArn",
        status="ModelPackageStatus",
        metadata="RegisterModel",
    ),
    "Model": Kind(
        create="CreateModel", describe="DescribeModel", identity="ModelName", arn="ModelArn", metadata="Model"
    ),
}
STEP_TYPES: Final = (*KINDS, CONDITION, FAIL)


@functools.cache
def service_model() -> ServiceModel:
    """SageMaker's service model."""
    return botocore.session.get_session().get_service_model("sagemaker")


def request_shape(step_type: str) -> Any:
    """The shape of a step's Arguments together with its identity."""
    return service_model().operation_model(KINDS[step_type].create).input_shape


def property_type(step_type: str, path: Path) -> str | None:
    """Botocore's name of the type of a step's property, or None when there is no such property."""
    if step_type == CONDITION:
        return "boolean" if path == ("Outcome",) else None
    if step_type not in KINDS:
        return None
    shape: Any = service_model().operation_model(KINDS[step_type].describe).output_shape
    for key in path:
        shape = _member(shape, key)
        if shape is None:
            return None
    return str(shape.type_name)


def _member(shape: Any, key: str | int) -> Any:
    if shape.type_name == "structure":
        return shape.members.get(key)
    if shape.type_name == "map":
        return shape.value if isinstance(key, str) else None
    if shape.type_name != "list":
        return None
    named = shape.member.type_name == "structure" and any(name in shape.member.members for name in NAME_FIELDS)
    return shape.member if isinstance(key, int) or named else None
