"""Whether requests still look like the training data, and whether answers are still right."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field, SkipValidation, model_validator

from constructs_lib.serving.monitoring.answers import Answers, GroundTruth, Problem
from constructs_lib.serving.monitoring.base import Monitor, Watching
from constructs_lib.serving.monitoring.drift import Drift
from constructs_lib.serving.monitoring.images import MERGER, MODEL_MONITOR
from constructs_lib.serving.monitoring.records import RecordScript
from constructs_lib.serving.monitoring.schedule import check_run_time
from constructs_lib.training.image import ContainerImage
from ml_contract.errors import reject

_PUBLISH = {"publish_cloudwatch_metrics": "Enabled"}


class DataQuality(Monitor):
    """Statistics of requests and answers against those of the training data: missing values, types, distributions."""

    kind: ClassVar[str] = "DataQuality"
    table: ClassVar[Any] = sagemaker.CfnDataQualityJobDefinition
    prefix: ClassVar[str] = "data_quality"
    image: ClassVar[ContainerImage] = MODEL_MONITOR

    exclude: str | None = Field(default=None, min_length=1, max_length=100)
    """Features that are not looked at, as indices or names with commas; all are by default."""
    records: RecordScript | None = None
    """What makes flat records of what was captured; by default it is CSV or flat JSON already."""
    drifts: tuple[Drift, ...] = Field(default=(), max_length=50)
    """Features whose drift raises an alarm; none by default. They need a baseline."""
    topic: Annotated[sns.ITopic | None, SkipValidation] = None
    """Who is told when an alarm is raised; nobody by default. An encrypted topic's key must let
    cloudwatch.amazonaws.com use it: ``constructs_lib.encryption.let_alarms_use``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_run_time(self.resources.max_run_seconds, self.schedule, 3600)
        if self.drifts and self.baseline is None:
            reject("drifts", self.drifts[0].feature, "a distance is from a baseline, and none is given",
                   "Give baseline, or leave drifts out until there is one.")  # fmt: skip
        features = [drift.feature for drift in self.drifts]
        twice = [feature for feature in features if features.count(feature) > 1]
        if twice:
            reject("drifts", twice[0], "a feature has one alarm", "Keep the stricter of the two.")
        if self.topic is not None and not self.drifts:
            reject("topic", "a topic", "without drifts no alarm is made", "Give drifts too, or leave topic out.")
        return self

    def application(self, scope: Construct, watching: Watching, /) -> dict[str, Any]:
        if self.records is None:
            return {"environment": _PUBLISH}
        script = self.records.publish(scope, watching.role)
        return {"environment": _PUBLISH, "record_preprocessor_source_uri": script.s3_object_url}

    def bind(self, scope: Construct, watching: Watching) -> sagemaker.CfnMonitoringSchedule:
        schedule = super().bind(scope, watching)
        name, actions = self.name(watching.hosted), [self.topic.topic_arn] if self.topic else []
        for drift in self.drifts:
            drift.bind(scope, endpoint=watching.hosted.endpoint, schedule=name, actions=actions)
        return schedule

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
