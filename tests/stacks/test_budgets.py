"""Spend of the environments, as it is synthesised."""

import json
import re
from typing import Any

import pytest
from synthesis import assembly, resources, stages, template

from constructs_lib.budgets import OnlyTell, SpendLimit, TeamInstances, Threshold
from constructs_lib.budgets.untagged import untagged
from constructs_lib.values import InvalidValue
from environments.local import LOCAL

pytestmark = pytest.mark.slow
BUDGETED = ("Local", "Dev", "Prod", "Research")


def only(stage: str, kind: str) -> dict[str, Any]:
    (found,) = resources(template(stage, "Budgets"), kind).values()
    return found["Properties"]


def test_nothing_of_any_stack_is_without_its_tags() -> None:
    found = [
        (file.name, name, missing)
        for file in assembly().rglob("*.template.json")
        for name, _, missing, _ in untagged(json.loads(file.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize("stage", BUDGETED)
def test_a_budget_counts_its_environment(stage: str) -> None:
    filters = only(stage, "AWS::Budgets::Budget")["Budget"]["CostFilters"]
    assert filters == {"TagKeyValue": [f"user:environment${stage.lower()}"]}


@pytest.mark.parametrize(("stage", "approval"), [("Local", "AUTOMATIC"), ("Dev", "AUTOMATIC"), ("Prod", "MANUAL")])
def test_a_used_up_budget_denies_starting_to_every_pipeline(stage: str, approval: str) -> None:
    action = only(stage, "AWS::Budgets::BudgetsAction")
    roles = json.dumps(action["Definition"]["IamActionDefinition"]["Roles"])
    pipelines = {name for name in stage_stacks(stage) if "-training-" in name}
    assert pipelines <= set(re.findall(r"trainyard-[a-z0-9-]+", roles))
    assert action["ApprovalModel"] == approval


def stage_stacks(stage: str) -> set[str]:
    manifest = json.loads((assembly() / f"assembly-{stage}" / "manifest.json").read_text())
    return {each["properties"]["stackName"] for each in manifest["artifacts"].values()
            if each["type"] == "aws:cloudformation:stack"}  # fmt: skip


@pytest.mark.parametrize("stage", ["Local", "Dev", "Prod"])
def test_the_execution_role_may_attach_its_denial_and_nothing_else(stage: str) -> None:
    found = template(stage, "Budgets")
    (denial,) = (name for name in resources(found, "AWS::IAM::ManagedPolicy") if "Denial" in name)
    (policy,) = resources(found, "AWS::IAM::Policy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
    assert statement["Condition"] == {"ArnEquals": {"iam:PolicyARN": {"Ref": denial}}}
    assert "*" not in json.dumps(statement["Resource"])


def test_jobs_of_a_pipeline_carry_its_tags() -> None:
    (pipeline,) = resources(template("Local", "Training"), "AWS::SageMaker::Pipeline").values()
    text = json.dumps(pipeline["Properties"]["PipelineDefinition"])
    assert text.count("environment-team") == 4


@pytest.mark.parametrize("stage", ["Dev", "Prod", "Research"])
def test_unusual_spend_is_watched_by_the_tag_and_told_at_once(stage: str) -> None:
    monitor, subscription = only(stage, "AWS::CE::AnomalyMonitor"), only(stage, "AWS::CE::AnomalySubscription")
    tags = {"Tags": {"Key": "environment", "Values": [stage.lower()]}}
    assert json.loads(monitor["MonitorSpecification"]) == tags
    # Topics take no other frequency.
    assert subscription["Frequency"] == "IMMEDIATE"


def test_alarms_of_quotas_compare_use_with_the_quota() -> None:
    alarms = resources(template("Prod", "Budgets"), "AWS::CloudWatch::Alarm").values()
    queries = {each["Properties"]["AlarmName"]: each["Properties"]["Metrics"] for each in alarms}
    used, share = queries["trainyard-prod-training-jobs-quota"]
    dimensions = {row["Name"]: row["Value"] for row in used["MetricStat"]["Metric"]["Dimensions"]}
    assert dimensions["Resource"] == "training-job/total_instance_count"
    assert share["Expression"] == "usage / SERVICE_QUOTA(usage) * 100"


def test_an_environment_without_budgets_has_no_stack_of_them() -> None:
    assert "Lab" in stages()
    assert not [name for name in stage_stacks("Lab") if name.endswith("-budgets")]


def budgets(**changes: Any) -> Any:
    assert LOCAL.budgets is not None
    return LOCAL.budgets.model_copy(update=changes)


def environment(**changes: Any) -> Any:
    values = {name: getattr(LOCAL, name) for name in type(LOCAL).model_fields}
    return type(LOCAL)(**values | changes)


def test_a_team_that_would_hire_more_than_it_has_is_refused() -> None:
    small = TeamInstances(team="platform", instances={"ml.m5.large": 7, "ml.c5.xlarge": 8})
    with pytest.raises(InvalidValue, match=r"budgets.teams.platform.ml.m5.large: got 8, but the team has 7"):
        environment(budgets=budgets(teams=(small,)))


def test_a_budget_of_a_team_that_pays_for_nothing_is_refused() -> None:
    limit = SpendLimit(usd=1, period="monthly", team="ghosts", used_up=OnlyTell(),
                       thresholds=(Threshold(percent=100, of="actual", severity="notice"),))  # fmt: skip
    with pytest.raises(InvalidValue, match="nothing in the environment belongs to that team"):
        environment(budgets=budgets(limits=(limit,)))


def test_budgets_without_topics_are_refused() -> None:
    with pytest.raises(InvalidValue, match="nobody is told of spend without topics"):
        environment(operation=None)
