"""Times in ALARM from what CloudWatch keeps."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from ml_contract.symptoms import NODE_LOST
from tests.trainyard.report.scenes import at
from trainyard.report.alarms import Alarm, prefix, spans

NAME = "trainyard-prod-cluster-node-lost"


def change(second: float, before: str, after: str) -> dict[str, Any]:
    data = {"oldState": {"stateValue": before}, "newState": {"stateValue": after}}
    return {"AlarmName": NAME, "Timestamp": at(second), "HistoryData": json.dumps(data)}


def found(changes: list[dict[str, Any]], firing: dict[str, datetime] | None = None) -> tuple[Any, ...]:
    return tuple(span for alarm in spans(changes, firing or {}, at(0), at(100)) for span in alarm.spans)


def test_it_fires_from_its_change_to_alarm_until_the_next() -> None:
    told = [change(30, "ALARM", "OK"), change(20, "OK", "ALARM"), change(50, "OK", "ALARM"), change(60, "ALARM", "OK")]
    assert found(told) == ((at(20), at(30)), (at(50), at(60)))


def test_what_fired_before_the_time_that_is_looked_at_begins_with_it() -> None:
    assert found([change(30, "ALARM", "INSUFFICIENT_DATA")]) == ((at(0), at(30)),)


def test_what_still_fires_has_no_end() -> None:
    assert found([change(20, "OK", "ALARM")], {NAME: at(20)}) == ((at(20), None),)


def test_what_fires_since_long_ago_has_no_change_in_the_history() -> None:
    assert found([], {NAME: at(-500)}) == ((at(0), None),)


def test_what_fires_only_since_then_did_not_fire_meanwhile() -> None:
    assert found([], {NAME: at(500)}) == ()


def test_from_no_data_to_no_alarm_is_none() -> None:
    assert found([change(10, "INSUFFICIENT_DATA", "OK")]) == ()


@pytest.mark.parametrize(
    ("name", "beginning"),
    [("trainyard-prod-bytes-lm", "trainyard-prod-"), ("a training job of no pipeline", "trainyard-")],
)
def test_alarms_of_an_environment_are_found_by_its_pipelines(name: str, beginning: str) -> None:
    assert prefix(name) == beginning


def test_an_alarm_knows_its_symptom() -> None:
    assert Alarm(name=NAME, spans=()).symptom is NODE_LOST
    assert Alarm(name="trainyard-prod-bytes-lm-live-5xx-rate", spans=()).symptom is None
