"""Steps of a pipeline that make baselines: what the data looked like, and how good the model was.

Sources, read 2026-11-21: "Create a Baseline" and "Create a model quality baseline", SageMaker Developer Guide;
``sagemaker.core.model_monitor`` and ``sagemaker.core.clarify`` of the SageMaker Python SDK 3.27, for the places and the
variables that the two containers know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.monitoring.analysis import AnalysisFile, BiasAnalysis, Predictor, ShapAnalysis
from constructs_lib.serving.monitoring.answers import Answers, Problem
from constructs_lib.serving.monitoring.clarify import endpoint_prefix, grant_predictor
from constructs_lib.serving.monitoring.images import CLARIFY, MODEL_MONITOR
from constructs_lib.serving.monitoring.records import RecordScript
from constructs_lib.training.binding import Binding
from constructs_lib.training.expressions import Expression
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location, Source
from constructs_lib.training.resources import ProcessingResources
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Step
from ml_contract.errors import reject

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
_SCRIPT = f"{_INPUT}/record_preprocessor_script_input"


class BaselineStep(Step):
    """A processing job in the container of a monitor, whose own entrypoint runs."""

    image: ClassVar[ContainerImage]
    """What computes the baseline."""
    folder: ClassVar[str]
    """Where the container looks for the data."""

    dataset: Source
    """Data to be held against later."""
    resources: ProcessingResources
    """The host."""
    output: Location
    """Where the baseline goes: a monitor's ``baseline``."""
    retries: tuple[RetryPolicy, ...] = ()
    """When the job is started anew; never by default."""

    @model_validator(mode="after")
    def _check_retries(self) -> Self:
        check_disjoint(self.retries)
        return self

    def environment(self) -> dict[str, str]:
        """What the container is told."""
        return {}

    def further(self, _binding: Binding, /) -> Further:
        """What the container is given beside the data."""
        return Further()

    def bind(self, binding: Binding) -> dict[str, Any]:
        role = binding.role
        self.image.grant_pull(role)
        self.dataset.grant_read(role)
        self.output.grant_read_write(role)
        key, further = self.output.bucket.encryption_key, self.further(binding)
        output = {"OutputName": "baseline", "S3Output": {
            "S3Uri": self.output.uri, "LocalPath": _OUTPUT, "S3UploadMode": "EndOfJob"}}  # fmt: skip
        arguments = {
            **self.resources.render(binding.key.key_arn),
            "AppSpecification": {"ImageUri": self.image.uri(binding.scope)},
            "RoleArn": role.role_arn,
            "ProcessingInputs": [
                processing_input("data", self.dataset.uri, self.folder),
                *further.inputs,
            ],
            "ProcessingOutputConfig": {"Outputs": [output], **({"KmsKeyId": key.key_arn} if key else {})},
            "Environment": {**self.environment(), **further.environment},
            "NetworkConfig": {"EnableNetworkIsolation": False, "VpcConfig": binding.vpc()},
        }
        return self.entry("Processing", arguments, RetryPolicies=[policy.render() for policy in self.retries])


@dataclass(frozen=True, kw_only=True)
class Further:
    """What a baseline's container is given beside the data."""

    inputs: tuple[dict[str, Any], ...] = ()
    """Further inputs of the request."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further variables, which name them."""


def processing_input(name: str, uri: str | Expression, folder: str) -> dict[str, Any]:
    """An input of a processing request."""
    place = {"S3Uri": uri, "LocalPath": folder, "S3DataType": "S3Prefix", "S3InputMode": "File",
             "S3DataDistributionType": "FullyReplicated"}  # fmt: skip
    return {"InputName": name, "S3Input": place}


class DataQualityBaseline(BaselineStep):
    """Statistics of a dataset, and constraints that follow from them."""

    image: ClassVar[ContainerImage] = MODEL_MONITOR
    folder: ClassVar[str] = f"{_INPUT}/data"

    form: Literal["csv with header", "csv", "json lines", "captured"]
    """Form of the data; of CSV without a header, columns have numbers for names. ``captured`` is what an endpoint
    captures, folders of hours and all."""
    records: RecordScript | None = None
    """What makes flat records of the data: what the monitor has too. By default they are flat already."""

    @model_validator(mode="after")
    def _check_records(self) -> Self:
        if self.records is not None and self.form != "captured":
            reject("records", self.records.path.name, f"it reads what was captured, and form is {self.form!r}",
                   'Give form="captured", or leave records out.')  # fmt: skip
        return self

    def further(self, binding: Binding, /) -> Further:
        if self.records is None:
            return Further()
        inside = Construct(binding.scope, f"{self.name}Script")
        script = self.records.publish(inside, binding.role)
        return Further(
            inputs=(processing_input("record_preprocessor_script", script.s3_object_url, _SCRIPT),),
            environment={"record_preprocessor_script": f"{_SCRIPT}/{script.s3_object_key}"},
        )

    def environment(self) -> dict[str, str]:
        csv = {"header": self.form == "csv with header", "output_columns_position": "START"}
        forms: dict[str, Any] = {"json lines": {"json": {"lines": True}}, "captured": {"sagemakerCaptureJson": {}}}
        return {
            "dataset_source": self.folder,
            "dataset_format": json.dumps(forms.get(self.form, {"csv": csv})),
            "output_path": _OUTPUT,
            "publish_cloudwatch_metrics": "Disabled",
        }


class ModelQualityBaseline(DataQualityBaseline):
    """Quality of answers on data whose truth is known."""

    problem: Problem
    """What the model predicts."""
    answers: Answers
    """Columns with the model's answers."""
    truth: str = Field(min_length=1)
    """Column with the true answer."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.answers.check_problem(self.problem)
        if self.form == "captured":
            reject("form", self.form, "what is captured has no truth to hold answers against",
                   "Give data with a column of true answers.")  # fmt: skip
        return self

    def environment(self) -> dict[str, str]:
        given = {
            "inference_attribute": self.answers.inference,
            "probability_attribute": self.answers.probability,
            "probability_threshold_attribute": self.answers.threshold,
        }
        return {
            **super().environment(),
            "analysis_type": "MODEL_QUALITY",
            "problem_type": self.problem,
            "ground_truth_attribute": self.truth,
            **{name: str(value) for name, value in given.items() if value is not None},
        }


class ClarifyBaseline(BaselineStep):
    """Bias of a dataset and of a model, or the features' usual contributions."""

    image: ClassVar[ContainerImage] = CLARIFY
    folder: ClassVar[str] = f"{_INPUT}/data"

    form: Literal["text/csv", "application/jsonlines", "application/x-parquet"]
    """Form of the data."""
    analysis: BiasAnalysis | ShapAnalysis
    """What is computed: what the monitor computes too."""
    predictor: Predictor | None = None
    """Model whose answers are judged in an analysis of bias; by default only the data is."""

    def document(self) -> dict[str, Any]:
        """The analysis, with what only a job needs."""
        prefix = endpoint_prefix(self.name)
        document = {**self.analysis.render(prefix), "dataset_type": self.form}
        methods: dict[str, Any] = {"report": {"name": "report", "title": self.name}, **document.get("methods", {})}
        if isinstance(self.analysis, BiasAnalysis):
            methods["pre_training_bias"] = {"methods": "all"}
            if self.predictor:
                methods["post_training_bias"] = {"methods": "all"}
                document["predictor"] = self.predictor.render(prefix)
        return {**document, "methods": methods}

    def further(self, binding: Binding, /) -> Further:
        asked = self.analysis.predictor if isinstance(self.analysis, ShapAnalysis) else self.predictor
        if asked:
            grant_predictor(binding.role, asked, endpoint_prefix(self.name))
        place = Location(bucket=self.output.bucket, prefix=f"{self.output.prefix}/analyses")
        place.grant_read(binding.role)
        file = AnalysisFile(binding.scope, f"{self.name}Analysis", document=self.document(), place=place)
        return Further(inputs=(processing_input("analysis_config", file.uri, f"{_INPUT}/config"),))
