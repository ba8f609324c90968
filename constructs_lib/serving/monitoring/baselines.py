"""Steps of a pipeline that make baselines: what the data looked like, and how good the model was.

Sources, read 2026-11-21: "Create a Baseline" and "Create a model quality baseline", SageMaker Developer Guide;
``sagemaker.core.model_monitor`` and ``sagemaker.core.clarify`` of the SageMaker Python SDK 3.27, for the places and the
variables that the two containers know.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, Self

from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.monitoring.analysis import AnalysisFile, BiasAnalysis, Predictor, ShapAnalysis
from constructs_lib.serving.monitoring.answers import Answers, Problem
from constructs_lib.serving.monitoring.baseline_step import INPUT, OUTPUT, BaselineStep, Further, processing_input
from constructs_lib.serving.monitoring.clarify import endpoint_prefix, grant_predictor
from constructs_lib.serving.monitoring.images import CLARIFY, MODEL_MONITOR
from constructs_lib.serving.monitoring.records import RecordScript
from constructs_lib.training.binding import Binding
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location
from ml_contract.errors import reject

_SCRIPT = f"{INPUT}/record_preprocessor_script_input"


class DataQualityBaseline(BaselineStep):
    """Statistics of a dataset, and constraints that follow from them."""

    image: ClassVar[ContainerImage] = MODEL_MONITOR
    folder: ClassVar[str] = f"{INPUT}/data"

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
            "output_path": OUTPUT,
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
    folder: ClassVar[str] = f"{INPUT}/data"

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
        return Further(inputs=(processing_input("analysis_config", file.uri, f"{INPUT}/config"),))
