"""A dashboard's body as values: what its widgets show, and where they stand.

Source: "Dashboard body structure and syntax", CloudWatch API Reference, read 2026-11-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ml_contract.errors import reject

DEFAULT_PERIOD = 300
_DURATION = re.compile(r"-P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a widget stands, in columns and rows of the page's 24."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words, in CloudWatch's Markdown."""

    place: Place
    markdown: str


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """States of alarms."""

    place: Place
    title: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Curves over time."""

    place: Place
    title: str
    unit: str
    """What the axis says; empty where the widget says nothing."""
    queries: tuple[Mapping[str, Any], ...]
    """``MetricDataQueries`` of GetMetricData."""
    limits: tuple[tuple[str, float], ...] = ()
    """Lines across: what they say, and where they are."""

    @property
    def finds(self) -> str:
        """What its search looks for, as ``namespace,dimension``: jobs, hosts and the like; empty without a search."""
        matches = (re.search(r"SEARCH\(\s*'\s*\{([^}]*)\}", query.get("Expression", "")) for query in self.queries)
        return next((match[1] for match in matches if match), "")


@dataclass(frozen=True, kw_only=True)
class Other:
    """A widget that is not drawn here."""

    place: Place
    type: str


Widget = Text | Alarms | Graph | Other


@dataclass(frozen=True, kw_only=True)
class Page:
    """A dashboard."""

    name: str
    widgets: tuple[Widget, ...]
    """In the order of reading."""
    span: timedelta
    """What it shows at first, before now."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What its variables ask for, by their ids."""


def read(name: str, text: str, *, values: Mapping[str, str] | None = None, period: int | None = None) -> Page:
    """Read a body.

    Args:
        name: Name of the dashboard.
        text: Its body, JSON.
        values: Values of its variables by id; their defaults where none is given.
        period: Seconds that a point stands for, in place of what each widget says.

    Raises:
        ContractError: A value is for a variable that the dashboard does not have.
    """
    body = json.loads(text)
    known = {one["id"]: one for one in body.get("variables", [])}
    for identity, value in (values or {}).items():
        if identity not in known:
            reject("--variable", identity, f"{name} has {', '.join(known) or 'none'}", "Name one of these.")
        body["widgets"] = _replaced(body["widgets"], known[identity], value)
    widgets = sorted((_widget(one, period) for one in body["widgets"]), key=lambda one: (one.place.y, one.place.x))
    return Page(
        name=name, widgets=tuple(widgets), span=_span(body.get("start", "")),
        variables={identity: one.get("label") or identity for identity, one in known.items()},
    )  # fmt: skip


def _replaced(value: Any, variable: Mapping[str, Any], chosen: str) -> Any:
    """Widgets with a variable's value: in all text where it is a pattern, in a property where it is one."""
    if isinstance(value, dict):
        return {key: _replaced(inner, variable, chosen) for key, inner in value.items()}
    if isinstance(value, list):
        wanted = variable.get("property")
        pairs = zip([None, *value], value, strict=False)
        return [chosen if wanted and before == wanted and isinstance(one, str) else _replaced(one, variable, chosen)
                for before, one in pairs]  # fmt: skip
    if isinstance(value, str) and variable.get("pattern"):
        return re.sub(variable["pattern"], lambda _: chosen, value)
    return value


def _span(start: str) -> timedelta:
    match = _DURATION.fullmatch(start)
    if match is None or not any(match.groups()):
        return timedelta(hours=3)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _widget(one: Mapping[str, Any], period: int | None) -> Widget:
    place = Place(**{key: int(one.get(key, 0)) for key in ("x", "y")},
                  width=int(one.get("width", 6)), height=int(one.get("height", 6)))  # fmt: skip
    properties = one.get("properties", {})
    title = str(properties.get("title", ""))
    match one["type"]:
        case "text":
            return Text(place=place, markdown=properties.get("markdown", ""))
        case "alarm":
            names = tuple(str(arn).rpartition(":alarm:")[2] for arn in properties.get("alarms", ()))
            return Alarms(place=place, title=title, names=names)
        case "metric" if "metrics" in properties:
            axis = (properties.get("yAxis") or {}).get("left") or {}
            lines = (properties.get("annotations") or {}).get("horizontal") or ()
            limits = [(str(line.get("label", "")), float(line["value"])) for line in lines if "value" in line]
            return Graph(
                place=place, title=title, unit=str(axis.get("label", "")), limits=tuple(limits),
                queries=tuple(_queries(properties, period)),
            )  # fmt: skip
        case other:
            return Other(place=place, type=str(other))


def _queries(properties: Mapping[str, Any], period: int | None) -> Iterator[dict[str, Any]]:
    before: list[str] = []
    for number, row in enumerate(properties["metrics"]):
        parts, options = (row[:-1], row[-1]) if row and isinstance(row[-1], dict) else (row, {})
        seconds = period or int(options.get("period") or properties.get("period") or DEFAULT_PERIOD)
        query: dict[str, Any] = {
            "Id": options.get("id") or f"m{number}",
            "ReturnData": options.get("visible", True),
            **({"Label": options["label"]} if options.get("label") else {}),
        }
        if "expression" in options:
            yield {**query, "Expression": options["expression"], "Period": seconds}
            continue
        before = _whole(parts, before)
        dimensions = [{"Name": name, "Value": value} for name, value in zip(before[2::2], before[3::2], strict=True)]
        metric = {"Namespace": before[0], "MetricName": before[1], "Dimensions": dimensions}
        stat = options.get("stat") or properties.get("stat") or "Average"
        yield {**query, "MetricStat": {"Metric": metric, "Period": seconds, "Stat": stat}}


def _whole(parts: Sequence[str], before: Sequence[str]) -> list[str]:
    """A metric with what it takes from the one before: ``.`` is one part of it, ``...`` all that are not written."""
    if "..." in parts:
        at = list(parts).index("...")
        rest = parts[at + 1 :]
        parts = [*parts[:at], *before[at : len(before) - len(rest)], *rest]
    return [before[number] if part == "." else part for number, part in enumerate(parts)]
