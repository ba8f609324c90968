"""Alarms against what CloudWatch's user guide says of dimensions, periods, missing data and actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PRELUDE = """
import time
from ministack.services import cloudwatch
from trainyard.local.hooks import alarms
found = alarms.Alarms(60.0)
found.install()
told = []
cloudwatch._dispatch_alarm_actions = lambda alarm, old, new, reason: told.append([alarm["AlarmName"], old, new])
def alarm(name="errors", **changes):
    made = {"AlarmName": name, "AlarmArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}",
            "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "Threshold": 3.0, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "", "StateUpdatedTimestamp": 0, "Dimensions": [{"Name": "E", "Value": "mine"}], **changes}
    cloudwatch._alarms[name] = made
    return made
def point(value, ago=1.0, **dimensions):
    dimensions = dimensions or {"E": "mine"}
    key = "N", "M", cloudwatch._dims_key(dimensions)
    cloudwatch._metric_bucket(key).append({"Timestamp": time.time() - ago, "Value": value, "Unit": "None"})
"""

STATES = """
from trainyard.local.hooks.alarms import state
base = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "EvaluationPeriods": 3}
def of(values, before="OK", **changes):
    return state({**base, **changes}, values, before)
X, O, N = 2.0, 0.0, None
print(json.dumps([
    of([X, X, X]), of([X, X, O]), of([X, O, X], DatapointsToAlarm=2), of([O, X, O], DatapointsToAlarm=2),
    of([N, N, N]), of([N, N, N], TreatMissingData="ignore", before="ALARM"),
    of([N, N, N], TreatMissingData="breaching"),
    of([N, N, N], TreatMissingData="notBreaching"), of([X, N, N]), of([X, N, N], TreatMissingData="notBreaching"),
    of([X, N, N], TreatMissingData="ignore"), of([X, N, N], TreatMissingData="breaching"), of([O, N, N]),
]))
"""


def test_states_by_datapoints_and_missing_data(beside_the_emulator: Callable[[str], Any]) -> None:
    assert beside_the_emulator(STATES) == [
        "ALARM", "OK", "ALARM", "OK", "INSUFFICIENT_DATA", "ALARM", "ALARM", "OK", "ALARM", "OK", "OK", "ALARM", "OK",
    ]  # fmt: skip


def test_another_endpoints_errors_are_not_this_ones(beside_the_emulator: Callable[[str], Any]) -> None:
    program = """
alarm()
point(9.0, E="other")
found.evaluate_all()
before = cloudwatch._alarms["errors"]["StateValue"]
point(2.0); point(2.0)
found.evaluate_all()
print(json.dumps([before, cloudwatch._alarms["errors"]["StateValue"], told]))
"""
    told = [["errors", "INSUFFICIENT_DATA", "ALARM"]]
    assert beside_the_emulator(PRELUDE + program) == ["INSUFFICIENT_DATA", "ALARM", told]


def test_periods_are_looked_at_one_by_one(beside_the_emulator: Callable[[str], Any]) -> None:
    program = """
alarm(EvaluationPeriods=2)
for ago in (90.0, 70.0): point(9.0, ago)
point(1.0)
found.evaluate_all()
print(json.dumps(cloudwatch._alarms["errors"]["StateValue"]))
"""
    assert beside_the_emulator(PRELUDE + program) == "OK"


def test_an_alarm_ends_when_its_data_do(beside_the_emulator: Callable[[str], Any]) -> None:
    program = """
alarm(TreatMissingData="notBreaching", Period=10)
point(9.0)
found.evaluate_all()
cloudwatch._metric_bucket(("N", "M", "E=mine"))[0]["Timestamp"] -= 60
found.evaluate_all()
print(json.dumps(told))
"""
    told = [["errors", "INSUFFICIENT_DATA", "ALARM"], ["errors", "ALARM", "OK"]]
    assert beside_the_emulator(PRELUDE + program) == told


def test_a_state_that_somebody_set_stays_for_a_period(beside_the_emulator: Callable[[str], Any]) -> None:
    program = """
one = alarm()
found.evaluate_all()
one.update(StateValue="ALARM", StateUpdatedTimestamp=int(time.time()))
found.evaluate_all()
during = one["StateValue"]
one["StateUpdatedTimestamp"] -= 61
found.evaluate_all()
print(json.dumps([during, one["StateValue"]]))
"""
    assert beside_the_emulator(PRELUDE + program) == ["ALARM", "INSUFFICIENT_DATA"]


def test_a_shorter_minute_is_for_tests(beside_the_emulator: Callable[[str], Any]) -> None:
    program = """
one = alarm()
alarms.Alarms(3.0).evaluate(one)
point(9.0, ago=5.0)
alarms.Alarms(3.0).evaluate(one)
short = one["StateValue"]
found.evaluate(one)
print(json.dumps([short, one["StateValue"]]))
"""
    assert beside_the_emulator(PRELUDE + program) == ["INSUFFICIENT_DATA", "ALARM"]
