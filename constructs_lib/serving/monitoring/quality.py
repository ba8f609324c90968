"""Whether requests still look like the training data, and whether answers are still right."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.monitoring.answers import Answers, GroundTruth, Problem
from constructs_lib.serving.monitoring.base import Monitor, Watching
from constructs_lib.serving.monitoring.images import MERGER, MODEL_MONITOR
from constructs_lib.serving.monitoring.schedule import check_run_time
from constructs_lib.training.image import ContainerImage

_PUBLISH = {"publish_cloudwatch_metrics": "Enabled"}


class DataQuality(Monitor):
    """Statistics of requests and answers against those of the training data: missing values, types, distributions."""

    kind: ClassVar[str] = "DataQuality"
    table: ClassVar[Any] = sagemaker.CfnDataQualityJobDefinition
    prefix: ClassVar[str] = "data_quality"
    image: ClassVar[ContainerImage] = MODEL_MONITOR

    exclude: str | None = Field(default=None, min_length=1, max_length=100)
    """Features that are not looked at, as indices or names with commas; all are by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_run_time(self.resources.max_run_seconds, self.schedule, 3600)
        return self

    def application(self, _scope: Construct, _watching: Watching, /) -> dict[str, Any]:
        return {"environment": _PUBLISH}

    def look(self) -> dict[str, Any]:
        return {"exclude_features_attribute": self.exclude}


class ModelQuality(Monitor):
    """Accuracy, precision, error and the like of answers, once the truth is known."""

    kind: ClassVar[str] = "ModelQuality"
    table: ClassVar[Any] = sagemaker.CfnModelQualityJobDefinition
    prefix: ClassVar[str] = "model_quality"
    image: ClassVar[ContainerImage] = MODEL_MONITOR

    problem: Problem
    """What the model predicts."""
    answers: Answers
    """Where an answer holds it."""
    truth_of: GroundTruth
    """True answers."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_run_time(self.resources.max_run_seconds, self.schedule, 1800)
        self.answers.check_problem(self.problem)
        return self

    def application(self, _scope: Construct, _watching: Watching, /) -> dict[str, Any]:
        return {"problem_type": self.problem, "environment": _PUBLISH}

    def look(self) -> dict[str, Any]:
        return {**self.answers.render(), **self.truth_of.window(self.schedule.hours)}

    def truth(self, watching: Watching, /) -> dict[str, Any]:
        return ground_truth(self.table, self.truth_of, watching)


def ground_truth(table: Any, truth: GroundTruth, watching: Watching) -> dict[str, Any]:
    """Let the runs read the true answers, and say where they are."""
    truth.location.grant_read(watching.role)
    MERGER.grant_pull(watching.role)
    place = table.MonitoringGroundTruthS3InputProperty(s3_uri=truth.location.uri)
    return {"ground_truth_s3_input": place}
