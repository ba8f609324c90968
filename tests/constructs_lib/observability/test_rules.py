"""Alerts and operation's symptoms are one list: each alert has a runbook that names it, and tells by its severity."""

from __future__ import annotations

import re

import pytest

from constructs_lib.observability import HARDWARE, MetricsSettings, NodeHealth, RuleGroup, training
from constructs_lib.values import InvalidValue
from ml_contract.symptoms import SYMPTOMS
from stacks.watched import Observability
from tests.constructs_lib.observability.test_expressions import GROUPS
from trainyard.incidents.runbook import FOLDER, Runbook

ALERTS = [rule for group in GROUPS for rule in group.alerts]
NAME = re.compile(r"`((?:[A-Z][a-z]+){2,})`")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.alert)
def test_the_runbook_of_an_alert_names_it_and_its_symptom(rule) -> None:
    alarm = Runbook.read(rule.symptom.runbook).sections["Alarm"]
    assert f"`{rule.alert}`" in alarm
    assert rule.symptom.name in alarm
    assert rule.symptom in SYMPTOMS


def test_runbooks_name_no_alert_that_there_is_not() -> None:
    pages = [page.stem for page in FOLDER.glob("*.md") if page.stem != "README"]
    told = [Runbook.read(page).sections["Alarm"].partition("of Prometheus")[2] for page in pages]
    named = {name for text in told for name in NAME.findall(text)}
    assert named == {rule.alert for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.alert)
def test_whoever_is_told_reads_where_to_go_on(rule) -> None:
    rendered = rule.render("https://example.org/runbooks")
    assert rendered["annotations"]["runbook"] == f"https://example.org/runbooks/{rule.symptom.runbook}.md"
    assert rendered["labels"] == {"severity": rule.symptom.severity, "symptom": rule.symptom.name}


def observed(*rules: RuleGroup) -> Observability:
    metrics = MetricsSettings(alias="dev", days=30, rules=rules, log_days=14)
    return Observability(metrics=metrics, grafana=None, watched=(NodeHealth(),), log_days=14)


def test_clusters_whose_stuck_runs_nobody_hears_of_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"nobody is told the symptom training-stuck.*Add training\("):
        observed(HARDWARE)
    assert observed(HARDWARE, training(silent_minutes=30, checkpoint_minutes=10))
