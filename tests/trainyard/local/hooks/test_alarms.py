"""Alarms against what CloudWatch's user guide says of dimensions, periods, missing data and samples."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import run_beside

PROGRAM = """
import time
from ministack.services import cloudwatch
from trainyard.local.hooks import alarms

told, results = [], {}
cloudwatch._dispatch_alarm_actions = lambda alarm, old, new, reason: told.append(f"{old} to {new}")
found = alarms.Alarms(60.0)
found.install()

def case(function):
    cloudwatch._alarms.clear(); cloudwatch._metrics.clear(); told.clear()
    results[function.__name__] = function()

def alarm(**changes):
    made = {"AlarmName": "errors", "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors",
            "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "Threshold": 3.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "", "StateUpdatedTimestamp": 0, "Dimensions": [{"Name": "E", "Value": "mine"}], **changes}
    cloudwatch._alarms["errors"] = made
    return made

def point(value, ago=1.0, count=1.0, endpoint="mine"):
    key = "N", "M", cloudwatch._dims_key({"E": endpoint})
    row = {"Timestamp": time.time() - ago, "Value": value, "Unit": "None", "Count": count}
    cloudwatch._metric_bucket(key).append(row)

@case
def states():
    base = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "EvaluationPeriods": 3}
    def of(values, before="OK", **changes):
        return alarms.state({**base, **changes}, values, before)
    X, O, N = 2.0, 0.0, None
    return [
        of([X, X, X]), of([X, X, O]), of([X, O, X], DatapointsToAlarm=2), of([O, X, O], DatapointsToAlarm=2),
        of([N, N, N]), of([N, N, N], TreatMissingData="ignore", before="ALARM"),
        of([N, N, N], TreatMissingData="breaching"), of([N, N, N], TreatMissingData="notBreaching"), of([X, N, N]),
        of([X, N, N], TreatMissingData="notBreaching"), of([X, N, N], TreatMissingData="ignore"),
        of([X, N, N], TreatMissingData="breaching"), of([O, N, N]),
    ]

@case
def dimensions():
    one = alarm()
    point(9.0, endpoint="other")
    found.evaluate_all()
    before = one["StateValue"]
    point(2.0); point(2.0)
    found.evaluate_all()
    return [before, one["StateValue"], *told]

@case
def periods():
    one = alarm(EvaluationPeriods=2)
    for ago in (90.0, 70.0): point(9.0, ago)
    point(1.0)
    found.evaluate_all()
    return one["StateValue"]

@case
def end_of_data():
    alarm(TreatMissingData="notBreaching", Period=10)
    point(9.0)
    found.evaluate_all()
    cloudwatch._metric_bucket(("N", "M", "E=mine"))[0]["Timestamp"] -= 60
    found.evaluate_all()
    return list(told)

@case
def state_that_was_set():
    one = alarm()
    found.evaluate_all()
    one.update(StateValue="ALARM", StateUpdatedTimestamp=int(time.time()))
    found.evaluate_all()
    during = one["StateValue"]
    one["StateUpdatedTimestamp"] -= 61
    found.evaluate_all()
    return [during, one["StateValue"]]

@case
def shorter_minute():
    one = alarm()
    point(9.0, ago=5.0)
    alarms.Alarms(3.0).evaluate(one)
    short = one["StateValue"]
    found.evaluate(one)
    return [short, one["StateValue"]]

@case
def few_samples():
    one = alarm(ExtendedStatistic="p99", EvaluateLowSampleCountPercentile="ignore", StateValue="OK")
    point(9.0, count=999.0)
    found.evaluate(one)
    few = one["StateValue"]
    point(9.0)
    found.evaluate(one)
    return [few, one["StateValue"]]

@case
def what_is_refused():
    given = {"AlarmName": "math", "Metrics": [{"Id": "m", "Expression": "1"}]}
    status, _, body = cloudwatch._put_metric_alarm({}, given, False, True)
    return [status, "Metrics" in body.decode(), "math" in cloudwatch._alarms]

print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every case of the program came to."""
    return dict(run_beside(tmp_path_factory.mktemp("alarms"), PROGRAM))


def test_states_by_datapoints_and_missing_data(results: dict[str, Any]) -> None:
    assert results["states"] == [
        "ALARM", "OK", "ALARM", "OK", "INSUFFICIENT_DATA", "ALARM", "ALARM", "OK", "ALARM", "OK", "OK", "ALARM", "OK",
    ]  # fmt: skip


def test_another_endpoints_errors_are_not_this_ones(results: dict[str, Any]) -> None:
    assert results["dimensions"] == ["INSUFFICIENT_DATA", "ALARM", "INSUFFICIENT_DATA to ALARM"]


def test_periods_are_looked_at_one_by_one(results: dict[str, Any]) -> None:
    assert results["periods"] == "OK"


def test_an_alarm_ends_when_its_data_do(results: dict[str, Any]) -> None:
    assert results["end_of_data"] == ["INSUFFICIENT_DATA to ALARM", "ALARM to OK"]


def test_a_state_that_somebody_set_stays_for_a_period(results: dict[str, Any]) -> None:
    assert results["state_that_was_set"] == ["ALARM", "INSUFFICIENT_DATA"]


def test_a_shorter_minute_is_for_tests(results: dict[str, Any]) -> None:
    assert results["shorter_minute"] == ["INSUFFICIENT_DATA", "ALARM"]


def test_a_percentile_of_few_samples_changes_nothing_where_the_alarm_says_so(results: dict[str, Any]) -> None:
    assert results["few_samples"] == ["OK", "ALARM"]


def test_what_is_not_evaluated_is_refused(results: dict[str, Any]) -> None:
    assert results["what_is_refused"] == [400, True, False]
