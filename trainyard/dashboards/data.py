"""What the widgets of a dashboard show, through the API."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from trainyard.dashboards.body import Alarms, Graph, Widget
from trainyard.operations.connection import Connection, OperationError

_AT_ONCE = 8
"""Calls under way; GetMetricData is refused beyond fifty a second (CloudWatch service quotas, read 2026-11-22)."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One series."""

    label: str
    moments: tuple[datetime, ...]
    """Oldest first."""
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class State:
    """An alarm."""

    name: str
    state: str
    """OK, ALARM, INSUFFICIENT_DATA, or ``missing`` where there is no such alarm."""
    reason: str
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A widget with what it shows."""

    widget: Widget
    curves: tuple[Curve, ...] = ()
    states: tuple[State, ...] = ()
    problem: str = ""
    """Why CloudWatch does not answer; empty where it does."""


def body_of(connection: Connection, name: str) -> str:
    """The body of a dashboard.

    Raises:
        OperationError: There is none of this name; those that there are stand in the message.
    """
    client = connection.client("cloudwatch")
    try:
        return str(client.get_dashboard(DashboardName=name)["DashboardBody"])
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ResourceNotFound", "DashboardNotFoundError"):
            raise
    pages = client.get_paginator("list_dashboards").paginate()
    names = [row["DashboardName"] for page in pages for row in page["DashboardEntries"]]
    raise OperationError(
        f"{connection.name} has no dashboard {name!r}. It has {', '.join(names) or 'none: deploy a stack of pages'}."
    )


def gather(connection: Connection, widgets: Sequence[Widget], span: timedelta) -> list[Shown]:
    """What all widgets show of the time up to now.

    Args:
        connection: The cloud.
        widgets: Widgets of a page.
        span: How long before now.
    """
    client = connection.client("cloudwatch")
    end = datetime.now(UTC)

    def show(widget: Widget) -> Shown:
        if isinstance(widget, Alarms):
            return Shown(widget=widget, states=_states(client, widget.names))
        if not isinstance(widget, Graph):
            return Shown(widget=widget)
        try:
            return Shown(widget=widget, curves=_curves(client, widget, end - span, end))
        except ClientError as error:
            return Shown(widget=widget, problem=error.response["Error"]["Message"])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(show, widgets))


def _curves(client: Any, graph: Graph, start: datetime, end: datetime) -> tuple[Curve, ...]:
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=list(graph.queries), StartTime=start, EndTime=end, ScanBy="TimestampAscending"
    )
    found: dict[tuple[str, str], list[tuple[datetime, float]]] = {}
    for page in pages:
        for row in page["MetricDataResults"]:
            points = zip(row["Timestamps"], row["Values"], strict=True)
            # A series may go on on the next page.
            found.setdefault((row["Id"], row["Label"]), []).extend(points)
    return tuple(
        Curve(label=label, moments=tuple(moment for moment, _ in points), values=tuple(value for _, value in points))
        for (_, label), points in found.items()
        if points
    )


def _states(client: Any, names: Sequence[str]) -> tuple[State, ...]:
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    rows = {row["AlarmName"]: row for page in pages for kind in ("MetricAlarms", "CompositeAlarms")
            for row in page.get(kind, ())}  # fmt: skip
    found = [
        State(name=name, state=rows[name]["StateValue"], reason=rows[name].get("StateReason", ""),
              since=rows[name].get("StateUpdatedTimestamp"))
        if name in rows
        else State(name=name, state="missing", reason="There is no such alarm yet", since=None)
        for name in names
    ]  # fmt: skip
    worst = ("ALARM", "INSUFFICIENT_DATA", "missing", "OK")
    return tuple(sorted(found, key=lambda one: worst.index(one.state)))
