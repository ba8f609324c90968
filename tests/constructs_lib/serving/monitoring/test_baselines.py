"""Steps that make baselines: their requests, held against the service model, and what they are told."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from synthesis import resolved

from constructs_lib.serving.monitoring import (
    TENSORS,
    Answers,
    BiasAnalysis,
    ClarifyBaseline,
    DataQualityBaseline,
    Facet,
    ModelQualityBaseline,
    Predictor,
    ShapAnalysis,
)
from constructs_lib.training import ProcessingResources, TrainingPipeline
from trainyard.local.api.shapes import violations

pytestmark = pytest.mark.slow
HOST = ProcessingResources(instance_type="ml.m5.xlarge", volume_gib=20, max_run_seconds=3600)
PREDICTOR = Predictor(model_name="credit", instance_type="ml.m5.large", content_type="text/csv",
                      accept_type="text/csv")  # fmt: skip
BIAS = BiasAnalysis(headers=("age", "paid"), label="paid", positive=(1,), facets=(Facet(name="age"),))
SHAP = ShapAnalysis(headers=("age",), predictor=PREDICTOR, baseline=((40,),), samples=10)


@pytest.fixture(scope="module")
def steps(place: Any) -> dict[str, dict[str, Any]]:
    """Arguments of each step, as the deployed definition has them."""
    shared = {"dataset": place.at("train"), "resources": HOST, "output": place.at("baseline")}
    pipeline = TrainingPipeline(
        place.stack, "Pipeline", name="baselines", parameters=(), network=place.network, key=place.key,
        steps=(
            DataQualityBaseline(name="Data", **shared, form="csv with header"),
            DataQualityBaseline(name="Lines", **shared, form="json lines"),
            DataQualityBaseline(name="Captured", **shared, form="captured", records=TENSORS),
            ModelQualityBaseline(name="Quality", **shared, form="csv", problem="Regression",
                                 answers=Answers(inference="0"), truth="1"),
            ClarifyBaseline(name="Bias", **shared, form="text/csv", analysis=BIAS, predictor=PREDICTOR),
            ClarifyBaseline(name="Shap", **shared, form="text/csv", analysis=SHAP),
        ),
    )  # fmt: skip
    body = place.stack.resolve(pipeline.resource.pipeline_definition)["PipelineDefinitionBody"]
    return {step["Name"]: step["Arguments"] for step in json.loads(resolved(body))["Steps"]}


@pytest.mark.parametrize("name", ["Data", "Lines", "Captured", "Quality", "Bias", "Shap"])
def test_the_request_has_the_shape_of_the_api(steps: dict[str, dict[str, Any]], name: str) -> None:
    model = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateProcessingJob")
    assert violations(model.input_shape, {**steps[name], "ProcessingJobName": "x"}, expressions=True) == []


@pytest.mark.parametrize(
    ("name", "form"),
    [("Data", {"csv": {"header": True, "output_columns_position": "START"}}), ("Lines", {"json": {"lines": True}}),
     ("Captured", {"sagemakerCaptureJson": {}}),
     ("Quality", {"csv": {"header": False, "output_columns_position": "START"}})],
)  # fmt: skip
def test_the_container_knows_the_form_of_the_data(
    steps: dict[str, dict[str, Any]], name: str, form: dict[str, Any]
) -> None:
    environment, (data, *_) = steps[name]["Environment"], steps[name]["ProcessingInputs"]
    assert json.loads(environment["dataset_format"]) == form
    assert environment["dataset_source"] == data["S3Input"]["LocalPath"]
    assert environment["output_path"] == "/opt/ml/processing/output"


def test_captured_traffic_goes_through_the_script_that_the_monitor_has(steps: dict[str, dict[str, Any]]) -> None:
    _, script = steps["Captured"]["ProcessingInputs"]
    name = script["S3Input"]["S3Uri"].rpartition("/")[2]
    place = f"{script['S3Input']['LocalPath']}/{name}"
    assert steps["Captured"]["Environment"]["record_preprocessor_script"] == place
    assert "record_preprocessor_script" not in steps["Data"]["Environment"]


@pytest.mark.parametrize(
    ("kind", "fields", "refusal"),
    [
        (DataQualityBaseline, {"form": "csv", "records": TENSORS}, "it reads what was captured"),
        (ModelQualityBaseline, {"form": "captured", "problem": "Regression", "answers": Answers(inference="0"),
                                "truth": "1"}, "what is captured has no truth"),
    ],
)  # fmt: skip
def test_a_form_that_does_not_go_with_the_rest_is_refused(
    place: Any, kind: Any, fields: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ValueError, match=refusal):
        kind(name="X", dataset=place.at("train"), resources=HOST, output=place.at("b"), **fields)


def test_quality_needs_answer_and_truth(steps: dict[str, dict[str, Any]]) -> None:
    environment = steps["Quality"]["Environment"]
    assert (environment["analysis_type"], environment["problem_type"]) == ("MODEL_QUALITY", "Regression")
    assert (environment["inference_attribute"], environment["ground_truth_attribute"]) == ("0", "1")
    assert "probability_attribute" not in environment


@pytest.mark.parametrize("name", ["Bias", "Shap"])
def test_clarify_finds_its_analysis(steps: dict[str, dict[str, Any]], name: str) -> None:
    _, config = steps[name]["ProcessingInputs"]
    assert config["S3Input"]["LocalPath"] == "/opt/ml/processing/input/config"


def test_bias_of_a_model_asks_it(place: Any) -> None:
    shared = {"dataset": place.at("train"), "resources": HOST, "output": place.at("baseline"), "form": "text/csv"}
    data = ClarifyBaseline(name="Data", analysis=BIAS, **shared).document()
    model = ClarifyBaseline(name="Model", analysis=BIAS, predictor=PREDICTOR, **shared).document()
    assert set(data["methods"]) == {"report", "pre_training_bias"}
    assert set(model["methods"]) == {"report", "pre_training_bias", "post_training_bias"}
    assert model["predictor"]["model_name"] == "credit"
    assert data["dataset_type"] == "text/csv"


def test_answers_fit_the_problem(place: Any) -> None:
    with pytest.raises(ValueError, match="says not which class"):
        ModelQualityBaseline(name="Quality", dataset=place.at("train"), resources=HOST, output=place.at("b"),
                             form="csv", problem="BinaryClassification", answers=Answers(probability="1"),
                             truth="2")  # fmt: skip
