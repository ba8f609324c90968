"""Where an answer of the model holds what is judged, and where the truth arrives.

Sources, read 2026-11-21: EndpointInput, SageMaker API reference; "Ingest Ground Truth labels and merge them with
predictions", SageMaker Developer Guide.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject

Problem = Literal["Regression", "BinaryClassification", "MulticlassClassification"]


class Answers(Value):
    """Places in an answer: an index of a CSV row, or a JMESPath expression of a JSON line."""

    inference: str | None = Field(default=None, min_length=1, max_length=256)
    """The predicted value or class, for example ``0`` or ``prediction``; not given by default."""
    probability: str | None = Field(default=None, min_length=1, max_length=256)
    """The probability of the positive class, or of each class; not given by default."""
    threshold: float | None = Field(default=None, gt=0, lt=1)
    """Probability from which on the answer is positive; with a probability and without an inference."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.inference is None and self.probability is None:
            reject("inference", None, "nothing of the answer would be judged", "Give inference or probability.")
        if self.threshold is not None and self.probability is None:
            reject("threshold", self.threshold, "it divides probabilities, and none is given",
                   "Give probability too.")  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        """Attributes of an EndpointInput, by CDK's names."""
        return {"inference_attribute": self.inference, "probability_attribute": self.probability,
                "probability_threshold_attribute": self.threshold}  # fmt: skip

    def check_problem(self, problem: Problem) -> None:
        """Refuse answers that do not belong to the problem.

        Raises:
            ContractError: A regression has no probability, a binary answer no threshold.
        """
        if problem == "Regression" and (self.inference is None or self.probability is not None):
            reject("answers.probability", self.probability, "a regression predicts a value", "Give inference alone.")
        if problem == "BinaryClassification" and self.inference is None and self.threshold is None:
            reject("answers.threshold", None, "a probability alone says not which class was meant",
                   "Give threshold=0.5, or inference.")  # fmt: skip


class GroundTruth(Value):
    """True answers, which somebody uploads below ``yyyy/mm/dd/hh/`` as JSON lines with the requests' inference ids."""

    location: Location
    """Where they arrive."""
    delay_hours: int = Field(default=0, ge=0, le=720)
    """How long they take to arrive: a run looks at answers that are at least so old. At once by default."""

    def window(self, hours: int) -> dict[str, str]:
        """Start and end of what one run looks at, by CDK's names.

        Args:
            hours: Time between two runs.
        """
        return {"start_time_offset": f"-PT{self.delay_hours + hours}H", "end_time_offset": f"-PT{self.delay_hours}H"}
