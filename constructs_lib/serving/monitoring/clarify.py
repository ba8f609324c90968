"""Whether groups are treated alike, and whether answers still come about as they did."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.monitoring.analysis import AnalysisFile, BiasAnalysis, Predictor, ShapAnalysis
from constructs_lib.serving.monitoring.answers import Answers, GroundTruth
from constructs_lib.serving.monitoring.base import Monitor, Watching
from constructs_lib.serving.monitoring.images import CLARIFY
from constructs_lib.serving.monitoring.quality import ground_truth
from constructs_lib.serving.monitoring.schedule import check_run_time
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location

_PUBLISH = {"publish_cloudwatch_metrics": "Enabled"}


class ClarifyMonitor(Monitor):
    """A monitor whose container reads an analysis."""

    image: ClassVar[ContainerImage] = CLARIFY
    constraints: ClassVar[str] = "analysis.json"

    def _config(self, scope: Construct, document: dict[str, Any]) -> dict[str, Any]:
        place = Location(bucket=self.output.bucket, prefix=f"{self.output.prefix}/analyses")
        file = AnalysisFile(scope, "Analysis", document=document, place=place)
        return {"config_uri": file.uri, "environment": _PUBLISH}


class Bias(ClarifyMonitor):
    """Differences between groups in what the model answers, once the truth is known."""

    kind: ClassVar[str] = "ModelBias"
    table: ClassVar[Any] = sagemaker.CfnModelBiasJobDefinition
    prefix: ClassVar[str] = "model_bias"
    analysis: BiasAnalysis
    """Groups and outcomes."""
    answers: Answers
    """Where an answer holds the outcome."""
    truth_of: GroundTruth
    """True answers."""
    features: str | None = Field(default=None, min_length=1, max_length=256)
    """Where a request holds the features, a JMESPath expression; only for JSON lines."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_run_time(self.resources.max_run_seconds, self.schedule, 1800)
        return self

    def application(self, scope: Construct, _watching: Watching, /) -> dict[str, Any]:
        return self._config(scope, self.analysis.render(""))

    def look(self) -> dict[str, Any]:
        window = self.truth_of.window(self.schedule.hours)
        return {"features_attribute": self.features, **self.answers.render(), **window}

    def truth(self, watching: Watching, /) -> dict[str, Any]:
        return ground_truth(self.table, self.truth_of, watching)


class Explainability(ClarifyMonitor):
    """Shift in how much each feature contributes to answers."""

    kind: ClassVar[str] = "ModelExplainability"
    table: ClassVar[Any] = sagemaker.CfnModelExplainabilityJobDefinition
    prefix: ClassVar[str] = "model_explainability"
    analysis: ShapAnalysis
    """Features and the model that is asked."""
    inference: str | None = Field(default=None, min_length=1, max_length=256)
    """Where an answer holds the score, as an index or a JMESPath expression; the whole answer by default."""
    features: str | None = Field(default=None, min_length=1, max_length=256)
    """Where a request holds the features, a JMESPath expression; only for JSON lines."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_run_time(self.resources.max_run_seconds, self.schedule, 3600)
        return self

    def application(self, scope: Construct, watching: Watching, /) -> dict[str, Any]:
        prefix = endpoint_prefix(watching.hosted.endpoint)
        grant_predictor(watching.role, self.analysis.predictor, prefix)
        return self._config(scope, self.analysis.render(prefix))

    def look(self) -> dict[str, Any]:
        return {"features_attribute": self.features, "inference_attribute": self.inference}


def endpoint_prefix(endpoint: str) -> str:
    """What the names of Clarify's own endpoints begin with: short enough for what it adds."""
    return f"clarify-{endpoint.lower()}"[:30].rstrip("-")


def grant_predictor(role: iam.IRole, predictor: Predictor, prefix: str) -> None:
    """Let ``role`` start, ask and delete endpoints of the predictor's model, whose names begin with ``prefix``."""
    stack = cdk.Stack.of(role)
    root = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}"
    for actions, resources in (
        (("CreateEndpoint", "DescribeEndpoint", "DeleteEndpoint", "InvokeEndpoint"),
         [f"{root}:endpoint/{prefix}*", f"{root}:endpoint-config/{prefix}*"]),
        (("CreateEndpointConfig", "DescribeEndpointConfig", "DeleteEndpointConfig", "AddTags"),
         [f"{root}:endpoint/{prefix}*", f"{root}:endpoint-config/{prefix}*"]),
        (("DescribeModel",), [f"{root}:model/{predictor.model_name}"]),
    ):  # fmt: skip
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=[f"sagemaker:{action}" for action in actions], resources=resources)
        )
