"""Which alarms of an environment fired, and when."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_contract.symptoms import SYMPTOMS, Symptom
from trainyard.operations.connection import Connection

_PROJECT = "trainyard-"


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm that was in state ALARM at some time."""

    name: str
    spans: tuple[tuple[datetime, datetime | None], ...]
    """From when until when, oldest first; None where it still is."""

    @property
    def symptom(self) -> Symptom | None:
        """What it is about; None for an alarm of no runbook."""
        return next((each for each in SYMPTOMS if self.name.endswith(f"-{each.name}")), None)


def prefix(pipeline: str) -> str:
    """What the names of an environment's alarms begin with, by the name of one of its pipelines or jobs."""
    found = re.match(rf"{_PROJECT}[a-z0-9]+-", pipeline)
    return found.group() if found else _PROJECT


def read(connection: Connection, beginning: str, since: datetime, until: datetime) -> tuple[Alarm, ...]:
    """Alarms that were in ALARM between two times, the first to fire first.

    CloudWatch keeps 30 days of history (DescribeAlarmHistory, CloudWatch API reference, read 2026-11-22).

    Args:
        connection: The cloud.
        beginning: What their names begin with.
        since: Begin of the time that is looked at.
        until: Its end.
    """
    client = connection.client("cloudwatch")
    kinds = ["MetricAlarm", "CompositeAlarm"]
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=beginning, AlarmTypes=kinds, StateValue="ALARM"
    )
    firing = {
        alarm["AlarmName"]: alarm["StateUpdatedTimestamp"]
        for page in pages
        for kind in ("MetricAlarms", "CompositeAlarms")
        for alarm in page.get(kind, ())
    }
    pages = client.get_paginator("describe_alarm_history").paginate(
        AlarmTypes=kinds, HistoryItemType="StateUpdate", StartDate=since, EndDate=until, ScanBy="TimestampAscending"
    )
    changes = [item for page in pages for item in page["AlarmHistoryItems"] if item["AlarmName"].startswith(beginning)]
    return spans(changes, firing, since, until)


def spans(
    changes: Iterable[Mapping[str, Any]], firing: Mapping[str, datetime], since: datetime, until: datetime
) -> tuple[Alarm, ...]:
    """Times in ALARM from changes of state.

    Args:
        changes: Items of DescribeAlarmHistory, in any order.
        firing: Alarms that fire now, and since when.
        since: Begin of the time that is looked at.
        until: Its end.
    """
    found: dict[str, list[tuple[datetime, datetime | None]]] = {}
    opened: dict[str, datetime] = {}
    for item in sorted(changes, key=lambda each: each["Timestamp"]):
        name, time = str(item["AlarmName"]), item["Timestamp"]
        states = json.loads(item.get("HistoryData") or "{}")
        before, after = (states.get(key, {}).get("stateValue") for key in ("oldState", "newState"))
        if before == "ALARM" and after != "ALARM":
            found.setdefault(name, []).append((opened.pop(name, since), time))
        elif after == "ALARM":
            opened.setdefault(name, time)
    # What fires since before the first change that the history holds.
    for name, time in firing.items():
        if time <= until:
            opened.setdefault(name, max(time, since))
    for name, time in opened.items():
        found.setdefault(name, []).append((time, None))
    alarms = (Alarm(name=name, spans=tuple(sorted(times, key=lambda span: span[0]))) for name, times in found.items())
    return tuple(sorted(alarms, key=lambda alarm: alarm.spans[0][0]))
