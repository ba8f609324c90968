"""Job definitions and schedules in the template, held against SageMaker's service model."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import botocore.session
import pytest
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.monitoring import (
    TENSORS,
    Answers,
    Bias,
    BiasAnalysis,
    Daily,
    DataQuality,
    Drift,
    EveryHours,
    Explainability,
    Facet,
    GroundTruth,
    Hourly,
    ModelQuality,
    Monitor,
    MonitorResources,
    Monitors,
    Predictor,
    ShapAnalysis,
)
from trainyard.local.api.shapes import violations

KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
RESOURCES = MonitorResources(instance_type="ml.m5.xlarge", volume_gib=20, max_run_seconds=1800)
PREDICTOR = Predictor(model_name="credit", instance_type="ml.m5.large", content_type="text/csv",
                      accept_type="text/csv")  # fmt: skip
BIAS = BiasAnalysis(headers=("age", "income", "paid"), label="paid", positive=(1,),
                    facets=(Facet(name="age", values=(40,)),))  # fmt: skip
SHAP = ShapAnalysis(headers=("age", "income"), predictor=PREDICTOR, baseline=((40, 1000.0),), samples=100)


def monitors(place: Any, **fields: Any) -> tuple[Monitor, ...]:
    shared = {"schedule": Daily(hour=3), "resources": RESOURCES, "output": place.at("reports"),
              "baseline": place.at("baseline"), **fields}  # fmt: skip
    truth = GroundTruth(location=place.at("truth"), delay_hours=48)
    answers = Answers(inference="0", probability="1")
    return (
        DataQuality(**shared, exclude="3,4", records=TENSORS, drifts=(Drift(feature="request_x_mean", distance=0.2),)),
        ModelQuality(**shared, problem="BinaryClassification", answers=answers, truth_of=truth),
        Bias(**shared, analysis=BIAS, answers=answers, truth_of=truth),
        Explainability(**shared, analysis=SHAP, inference="0"),
    )


def hosted(place: Any, kind: str = "real-time", **fields: Any) -> Hosted:
    resource = place.stack.node.try_find_child("Endpoint")
    resource = resource or cdk.CfnResource(place.stack, "Endpoint", type="AWS::SageMaker::Endpoint")
    return Hosted(**{"kind": kind, "endpoint": "credit-check", "variant": "live", "instance_type": "ml.m5.large",
                     "instance_count": 1, "resource": resource, **fields})  # fmt: skip


@pytest.fixture(scope="module")
def template(place: Any) -> dict[str, Any]:
    condition = cdk.CfnCondition(place.stack, "Given", expression=cdk.Fn.condition_equals("a", "a"))
    Monitors(place.stack, "Monitors", hosted=hosted(place), monitors=monitors(place), captured=place.at("captured"),
             network=place.network, key=place.key, condition=condition)  # fmt: skip
    return Template.from_stack(place.stack).to_json()["Resources"]


def definition(template: dict[str, Any], kind: str) -> dict[str, Any]:
    (entry,) = (e for e in template.values() if e["Type"] == f"AWS::SageMaker::{kind}JobDefinition")
    return entry


def plain(value: Any) -> Any:
    """A template's value with references replaced by values of the right form."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("Ref", "Fn::GetAtt", "Fn::Join", "Fn::Select"):
            text = json.dumps(value)
            if "Role" in text:
                return "arn:aws:iam::123456789012:role/example"
            if "Key" in text and "Arn" in text and "s3://" not in text:
                return "arn:aws:kms:eu-west-1:123456789012:key/1"
            return "s3://bucket/x" if "s3://" in text else "sg-0123456789abcdef0"
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_definition_has_the_shape_of_the_api(template: dict[str, Any], kind: str) -> None:
    model = botocore.session.Session().get_service_model("sagemaker")
    shape = model.operation_model(f"Create{kind}JobDefinition").input_shape
    request = {"JobDefinitionName": "x", **plain(definition(template, kind)["Properties"])}
    assert violations(shape, request) == []


@pytest.mark.parametrize("kind", KINDS)
def test_its_schedule_runs_the_definition(template: dict[str, Any], kind: str) -> None:
    config = next(
        entry["Properties"]
        for entry in template.values()
        if entry["Type"] == "AWS::SageMaker::MonitoringSchedule"
        and entry["Properties"]["MonitoringScheduleConfig"]["MonitoringType"] == kind
    )
    assert config["MonitoringScheduleName"] == f"credit-check-{kind}"
    assert config["MonitoringScheduleConfig"]["ScheduleConfig"] == {"ScheduleExpression": "cron(0 3 ? * * *)"}
    name = config["MonitoringScheduleConfig"]["MonitoringJobDefinitionName"]
    reference = name["Fn::Select"][1]["Fn::Split"][1]["Ref"]
    assert template[reference]["Type"] == f"AWS::SageMaker::{kind}JobDefinition"


@pytest.mark.parametrize("kind", KINDS)
def test_it_waits_for_the_endpoint_the_role_and_the_condition(template: dict[str, Any], kind: str) -> None:
    entry = definition(template, kind)
    assert "Endpoint" in entry["DependsOn"]
    assert any("RoleDefaultPolicy" in name for name in entry["DependsOn"])
    assert entry["Condition"] == "Given"


@pytest.mark.parametrize(
    ("kind", "constraints"),
    [("DataQuality", "constraints.json"), ("ModelQuality", "constraints.json"), ("ModelBias", "analysis.json"),
     ("ModelExplainability", "analysis.json")],
)  # fmt: skip
def test_it_is_held_against_the_files_of_its_baseline(template: dict[str, Any], kind: str, constraints: str) -> None:
    found = definition(template, kind)["Properties"][f"{kind}BaselineConfig"]
    assert json.dumps(found["ConstraintsResource"]).endswith(f'/baseline/{constraints}"]]}}}}')
    assert ("StatisticsResource" in found) == (kind == "DataQuality")


@pytest.mark.parametrize("kind", ["ModelQuality", "ModelBias"])
def test_truth_that_comes_late_is_looked_at_late(template: dict[str, Any], kind: str) -> None:
    found = definition(template, kind)["Properties"][f"{kind}JobInput"]
    assert (found["EndpointInput"]["StartTimeOffset"], found["EndpointInput"]["EndTimeOffset"]) == ("-PT72H", "-PT48H")
    assert json.dumps(found["GroundTruthS3Input"]).endswith('/truth"]]}}')


@pytest.mark.parametrize(("kind", "repository"), [("DataQuality", "model-monitor-analyzer"), ("ModelBias", "clarify")])
def test_the_image_is_that_of_the_region(template: dict[str, Any], kind: str, repository: str) -> None:
    found = definition(template, kind)["Properties"][f"{kind}AppSpecification"]["ImageUri"]
    assert ".dkr.ecr.eu-west-1." in found
    assert repository in found


def test_captured_requests_become_flat_records_by_a_script_that_the_runs_may_read(template: dict[str, Any]) -> None:
    script = definition(template, "DataQuality")["Properties"]["DataQualityAppSpecification"]
    key = script["RecordPreprocessorSourceUri"].rpartition("/")[2]
    assert key.endswith(".py")
    policy = template[next(n for n in template if n.startswith("MonitorsRoleDefaultPolicy"))]
    assert f"/{key}" in json.dumps(policy)


def test_a_drift_raises_an_alarm_that_stays_until_the_next_run(template: dict[str, Any]) -> None:
    (alarm,) = (entry for entry in template.values() if entry["Type"] == "AWS::CloudWatch::Alarm")
    assert alarm["Condition"] == "Given"
    found = alarm["Properties"]
    assert (found["Namespace"], found["MetricName"]) == (
        "aws/sagemaker/Endpoints/data-metrics", "feature_baseline_drift_request_x_mean",
    )  # fmt: skip
    assert {each["Name"]: each["Value"] for each in found["Dimensions"]} == {
        "Endpoint": "credit-check", "MonitoringSchedule": "credit-check-DataQuality",
    }  # fmt: skip
    assert (found["Threshold"], found["ComparisonOperator"]) == (0.2, "GreaterThanThreshold")
    assert found["TreatMissingData"] == "ignore"


def documents(template: dict[str, Any]) -> list[dict[str, Any]]:
    """What is written as analysis_config.json."""
    found = []
    for entry in template.values():
        if entry["Type"] == "Custom::AnalysisFile":
            create = entry["Properties"]["Create"] if "Create" in entry["Properties"] else entry["Properties"]["Update"]
            text = create if isinstance(create, str) else "".join(
                part if isinstance(part, str) else "REF" for part in create["Fn::Join"][1]
            )  # fmt: skip
            call = json.loads(text)["parameters"]
            assert call["Key"].endswith("/analysis_config.json")
            found.append(json.loads(call["Body"]))
    return found


def test_the_analyses_are_written_under_the_name_that_clarify_looks_for(template: dict[str, Any]) -> None:
    bias, shap = sorted(documents(template), key=lambda document: "methods" in document)
    assert bias == {"headers": ["age", "income", "paid"], "label": "paid", "label_values_or_threshold": [1],
                    "facet": [{"name_or_index": "age", "value_or_threshold": [40]}]}  # fmt: skip
    assert shap["methods"] == {"shap": {"baseline": [[40, 1000.0]], "num_samples": 100, "agg_method": "mean_abs"}}
    assert shap["predictor"]["model_name"] == "credit"


def test_clarify_asks_an_endpoint_of_its_own(template: dict[str, Any]) -> None:
    (_, shap) = sorted(documents(template), key=lambda document: "methods" in document)
    assert shap["predictor"]["endpoint_name_prefix"] == "clarify-credit-check"
    text = json.dumps(template[next(n for n in template if n.startswith("MonitorsRoleDefaultPolicy"))])
    assert "endpoint/clarify-credit-check*" in text
    assert "endpoint/credit-check" not in text


def test_what_joins_truth_with_answers_may_be_pulled(template: dict[str, Any]) -> None:
    text = json.dumps(template[next(n for n in template if n.startswith("MonitorsRoleDefaultPolicy"))])
    assert "repository/sagemaker-model-monitor-groundtruth-merger" in text


@pytest.mark.parametrize("kind", ["serverless", "multi-model", "asynchronous", "component"])
def test_only_real_time_endpoints_are_watched(place: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=f"got '{kind}', but Model Monitor looks at real-time endpoints"):
        monitors(place)[0].check(hosted(place, kind))


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda p: monitors(p, schedule=Hourly(), resources=RESOURCES.model_copy(update={"max_run_seconds": 1801})),
         "it runs every 1 h, and then at most 1800 s"),
        (lambda p: DataQuality(schedule=EveryHours(every=2), output=p.at("o"),
                               resources=RESOURCES.model_copy(update={"max_run_seconds": 7201})), "at most 7200 s"),
        (lambda p: DataQuality(schedule=Daily(hour=1), output=p.at("o"), resources=RESOURCES,
                               drifts=(Drift(feature="x", distance=0.1),)), "a distance is from a baseline"),
        (lambda p: DataQuality(
            schedule=Daily(hour=1), output=p.at("o"), resources=RESOURCES, baseline=p.at("b"),
            drifts=(Drift(feature="x", distance=0.1),) * 2), "a feature has one alarm"),
        (lambda p: DataQuality(schedule=Daily(hour=1), output=p.at("o"), resources=RESOURCES,
                               topic=sns.Topic(p.stack, "Unasked")), "without drifts no alarm is made"),
        (lambda _: Drift(feature="x.y", distance=0.1), "it must match"),
        (lambda _: Answers(), "Give inference or probability"),
        (lambda _: Answers(inference="0", threshold=0.5), "Give probability too"),
        (lambda _: Answers(probability="1").check_problem("BinaryClassification"), "says not which class"),
        (lambda _: Answers(inference="0", probability="1").check_problem("Regression"), "Give inference alone"),
        (lambda _: BiasAnalysis(headers=("a", "b"), label="c", positive=(1,), facets=(Facet(name="a"),)),
         "got 'c', but the columns are a, b"),
        (lambda _: BiasAnalysis(headers=("a", "b"), label="b", positive=(1,), facets=(Facet(name="x"),)),
         "got 'x', but the columns are a, b"),
        (lambda _: ShapAnalysis(headers=("a", "b"), predictor=PREDICTOR, baseline=((1,),), samples=1),
         "a value for each of the 2 features"),
        (lambda _: Predictor(model_name="no_such name", instance_type="ml.m5.large", content_type="text/csv",
                             accept_type="text/csv"), "it must match"),
        (lambda p: monitors(p)[0].check(hosted(p, endpoint="e" * 60)), "at most 63 characters"),
        (lambda p: Monitors(p.stack, "Twice", hosted=hosted(p), monitors=monitors(p)[:1] * 2,
                            captured=p.at("c"), network=p.network, key=p.key), "one monitor of each kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_watched_is_refused(place: Any, make: Any, refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        make(place)
