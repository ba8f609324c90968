"""Every alarm of the environment ``local``, and those of file systems, which it has not, are raised by points beyond
their promise, and are over when they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from synthesis import resources, template

from ml_contract.symptoms import FILES_FULL, MIRROR_BEHIND, MIRROR_FAILED

from .conftest import run_beside

PROGRAM = """
import time
from ministack.services import cloudwatch
from trainyard.local.hooks import alarms

told, results = [], {{}}
cloudwatch._dispatch_alarm_actions = lambda alarm, old, new, reason: told.append(new)
found = alarms.Alarms(60.0)
found.install()

def put(alarm, value, ago, samples):
    key = alarm["Namespace"], alarm["MetricName"], cloudwatch._dims_key(
        cloudwatch._dims_from_list(alarm["Dimensions"]))
    row = {{"Timestamp": time.time() - ago, "Value": value, "Unit": "None", "Count": float(samples)}}
    cloudwatch._metric_bucket(key).append(row)

for definition in json.loads({alarms!r}):
    cloudwatch._alarms.clear(); cloudwatch._metrics.clear(); told.clear()
    alarm = {{**definition, "AlarmArn": "", "StateValue": "INSUFFICIENT_DATA", "StateReason": "",
             "StateUpdatedTimestamp": 0}}
    cloudwatch._alarms[alarm["AlarmName"]] = alarm
    period, states = alarm["Period"], []
    found.evaluate_all(); states.append(alarm["StateValue"])
    # A percentile looks at a thousand samples or more; an average and a sum at one.
    samples = 1000 if "ExtendedStatistic" in alarm else 1
    quiet, beyond = {{"GreaterThanThreshold": (0, 1), "GreaterThanOrEqualToThreshold": (-1, 0),
                     "LessThanThreshold": (0, -1)}}[alarm["ComparisonOperator"]]
    quiet, beyond = alarm["Threshold"] + quiet, alarm["Threshold"] + beyond
    for ago in range(alarm["EvaluationPeriods"]):
        put(alarm, quiet, ago * period + 1, samples)
    found.evaluate_all(); states.append(alarm["StateValue"])
    for ago in range(alarm["EvaluationPeriods"]):
        put(alarm, beyond - (quiet if alarm.get("Statistic") == "Sum" else 0), ago * period + 1, samples * 200)
    found.evaluate_all(); states.append(alarm["StateValue"])
    for rows in cloudwatch._metrics.values():
        for row in rows: row["Timestamp"] -= period * alarm["EvaluationPeriods"] + 1
    found.evaluate_all(); states.append(alarm["StateValue"])
    results[alarm["AlarmName"]] = [states, list(told)]
print(json.dumps(results))
"""


def alarms(stage: str) -> list[dict[str, Any]]:
    return list(resources(template(stage, "Operation"), "AWS::CloudWatch::Alarm").values())


def of_files(entry: dict[str, Any]) -> bool:
    names = tuple(symptom.name for symptom in (FILES_FULL, MIRROR_BEHIND, MIRROR_FAILED))
    return str(entry["Properties"]["AlarmName"]).endswith(names)


def definitions() -> list[dict[str, Any]]:
    """The alarms as PutMetricAlarm gets them; what other stacks name is a word."""
    found = []
    for entry in (*alarms("Local"), *(one for one in alarms("Dev") if of_files(one))):
        alarm = dict(entry["Properties"])
        alarm["Dimensions"] = [{"Name": one["Name"], "Value": json.dumps(one["Value"])} for one in alarm["Dimensions"]]
        alarm["Threshold"] = float(alarm["Threshold"])
        found.append(alarm)
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("alarms")
    return run_beside(folder, PROGRAM.format(alarms=json.dumps(definitions())))


def test_each_is_quiet_at_its_promise_raised_beyond_it_and_over_afterwards(results: dict[str, Any]) -> None:
    assert len(results) > 33
    wrong = {name: states for name, (states, _) in results.items() if states != ["OK", "OK", "ALARM", "OK"]}
    assert not wrong


def test_each_tells_that_it_began_and_that_it_is_over(results: dict[str, Any]) -> None:
    wrong = {name: told for name, (_, told) in results.items() if told != ["OK", "ALARM", "OK"]}
    assert not wrong
