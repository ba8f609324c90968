"""Pages of the environments: alarms, links, queries, groups of logs with an end; MLflow of one that has it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from synthesis import actions, assembly, definition, resources, stages, statements, template

from ml_contract import tracking
from trainyard.local.insights import parse

PAGED = ("Dev", "Local", "Prod", "Research")


def bodies(stage: str) -> dict[str, dict[str, Any]]:
    """Dashboards of a stage by name, with references as they stand."""
    found = {}
    for entry in resources(template(stage, "Pages"), "AWS::CloudWatch::Dashboard").values():
        body = entry["Properties"]["DashboardBody"]
        text = body if isinstance(body, str) else "".join(p if isinstance(p, str) else "?" for p in body["Fn::Join"][1])
        found[entry["Properties"]["DashboardName"]] = json.loads(text)
    return found


@pytest.mark.parametrize("stage", PAGED)
def test_states_of_alarms_stand_on_the_page_of_what_they_are_about(stage: str) -> None:
    for name, body in bodies(stage).items():
        alarms = [
            arn.rpartition(":")[2] for widget in body["widgets"] for arn in widget["properties"].get("alarms", ())
        ]
        assert alarms, name
        about_endpoints = [alarm for alarm in alarms if alarm.endswith(("endpoint-errors", "endpoint-latency"))]
        assert bool(about_endpoints) == name.endswith("-endpoints")


@pytest.mark.parametrize("stage", PAGED)
def test_links_lead_to_pages_that_there_are(stage: str) -> None:
    names = set(bodies(stage))
    for path in (assembly() / f"assembly-{stage}").glob("*Cluster*.template.json"):
        found = resources(json.loads(path.read_text()), "AWS::CloudWatch::Dashboard").values()
        names |= {entry["Properties"]["DashboardName"] for entry in found}
    for body in bodies(stage).values():
        (heading, *_) = (widget["properties"]["markdown"] for widget in body["widgets"] if widget["type"] == "text")
        linked = {part.partition(")")[0] for part in heading.split("#dashboards:name=")[1:]}
        assert linked <= names


@pytest.mark.parametrize("stage", PAGED)
def test_saved_queries_can_be_read_and_name_their_groups(stage: str) -> None:
    for entry in resources(template(stage, "Pages"), "AWS::Logs::QueryDefinition").values():
        parse(entry["Properties"]["QueryString"])
        assert len(entry["Properties"]["LogGroupNames"]) == 1, "one that is not there yet fails them all"


@pytest.mark.parametrize("stage", stages())
def test_every_log_group_has_an_end(stage: str) -> None:
    for path in (assembly() / f"assembly-{stage}").glob("*.template.json"):
        found = resources(json.loads(path.read_text()), "AWS::Logs::LogGroup")
        assert [name for name, entry in found.items() if "RetentionInDays" not in entry["Properties"]] == [], path.name


def test_mlflow_writes_below_its_prefix_and_jobs_may_call_it_alone() -> None:
    made = template("Dev", "Mlflow")
    (app,) = resources(made, "AWS::SageMaker::MlflowApp").values()
    assert app["Properties"]["ModelRegistrationMode"] == "AutoModelRegistrationDisabled"
    objects = next(one for one in statements(made, "AppRole") if "s3:PutObject" in actions(one))
    assert objects["Resource"]["Fn::Join"][1][-1] == "/mlflow/*"
    calls = [one for one in statements(template("Dev", "Training"), "PipelineJobs")
             if "sagemaker:CallMlflowAppApi" in actions(one)]  # fmt: skip
    assert ["trainyard-dev-mlflow" in json.dumps(one["Resource"]) for one in calls] == [True]


def test_a_run_is_told_its_execution() -> None:
    (train,) = (step for step in definition("Dev")["Steps"] if step["Name"] == "Train")
    told = train["Arguments"]["Environment"]
    assert told[tracking.EXECUTION.variable] == {"Get": "Execution.PipelineExecutionArn"}
    assert set(told) == {link.variable for link in tracking.LINKS} - {tracking.JOB.variable}
    arn = train["Arguments"]["MlflowConfig"]["MlflowResourceArn"]
    assert json.loads(train["Arguments"]["HyperParameters"]["watching"])["mlflow_uri"] == arn


def test_an_environment_without_mlflow_says_nothing_of_it() -> None:
    (train,) = (step for step in definition("Local")["Steps"] if step["Name"] == "Train")
    assert train["Arguments"].get("Environment", {}) == {}
    assert "MlflowConfig" not in train["Arguments"]
