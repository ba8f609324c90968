"""Widgets of a CloudWatch dashboard, and where they stand on it.

Source: "Dashboard body structure and syntax", CloudWatch API Reference, read 2026-11-22.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_contract.errors import reject

COLUMNS = 24
MOST_WIDGETS = 500
"""Of one dashboard."""
MOST_ALARMS = 100
"""Of one widget."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """A metric, or what is computed from some."""

    source: tuple[str, ...] = ()
    """Namespace, name, and the names and values of its dimensions; empty for an expression."""
    expression: str | None = None
    """Metric math, or a search; None for a metric."""
    label: str = ""
    """What a legend says; CloudWatch's choice by default, which of a search is what its series differ in."""
    id: str | None = None
    """How expressions name it; None where none does."""
    stat: str | None = None
    """Statistic; the graph's by default."""
    visible: bool = True
    """Whether it is drawn, or only taken by an expression."""

    def render(self) -> list[Any]:
        """As the array ``metrics`` of a widget holds it."""
        options: dict[str, Any] = {
            key: value
            for key, value in (("id", self.id), ("label", self.label or None), ("stat", self.stat))
            if value is not None
        }
        if not self.visible:
            options["visible"] = False
        if self.expression is None:
            return [*self.source, options] if options else list(self.source)
        # An expression without a label would be called by its text.
        return [{"label": "", **options, "expression": self.expression}]


def metric(namespace: str, name: str, dimensions: Mapping[str, str], **options: Any) -> Series:
    """One metric.

    Args:
        namespace: Its namespace.
        name: Its name.
        dimensions: Values by the names of its dimensions.
        options: Further fields of a :class:`Series`.
    """
    pairs = (part for pair in dimensions.items() for part in pair)
    return Series(source=(namespace, name, *pairs), **options)


def search(namespace: str, dimensions: Sequence[str], terms: str, stat: str) -> Series:
    """Every metric of a kind that there is, one curve each.

    Args:
        namespace: Its namespace.
        dimensions: Names of its dimensions.
        terms: What narrows the search, such as ``MetricName="train:loss"``.
        stat: Statistic. The period is the graph's.
    """
    schema = ",".join((namespace, *dimensions))
    return Series(expression=f"SEARCH('{{{schema}}} {terms}', '{stat}')", id="found")


class Widget(ABC):
    """Something on a page."""

    width: int
    """Columns of the page's 24."""
    height: int
    """Rows."""

    @abstractmethod
    def render(self, region: str, /) -> dict[str, Any]:
        """Its type and properties.

        Args:
            region: Where its metrics are.
        """


@dataclass(frozen=True, kw_only=True)
class Words(Widget):
    """Text."""

    markdown: str
    """CloudWatch's own Markdown."""
    width: int = COLUMNS
    height: int = 1

    def render(self, _region: str, /) -> dict[str, Any]:
        return {"type": "text", "properties": {"markdown": self.markdown, "background": "transparent"}}


@dataclass(frozen=True, kw_only=True)
class Graph(Widget):
    """Curves over time."""

    title: str
    unit: str
    """What the axis says."""
    series: tuple[Series, ...]
    stat: str = "Average"
    """Statistic of series that name none."""
    period: int = 60
    """Seconds that a point stands for."""
    limit: float | None = None
    """A line across, such as what was promised; none by default."""
    width: int = 8
    height: int = 6

    def render(self, region: str, /) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "title": self.title,
            "region": region,
            "view": "timeSeries",
            "stat": self.stat,
            "period": self.period,
            "metrics": [one.render() for one in self.series],
            "yAxis": {"left": {"label": self.unit, "showUnits": False}},
        }
        if self.limit is not None:
            properties["annotations"] = {"horizontal": [{"label": "limit", "value": self.limit}]}
        return {"type": "metric", "properties": properties}


@dataclass(frozen=True, kw_only=True)
class AlarmStates(Widget):
    """States of alarms, the worst first."""

    title: str
    alarms: tuple[str, ...]
    """Their ARNs."""
    width: int = COLUMNS
    height: int = field(default=0)
    """Rows; as many as they need by default."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.alarms) <= MOST_ALARMS:
            reject("alarms", len(self.alarms), f"one widget shows 1 to {MOST_ALARMS}", "Make several of them.")
        if not self.height:
            # Four stand in a row of a full page.
            object.__setattr__(self, "height", 1 + -(-len(self.alarms) * COLUMNS // (4 * self.width)))

    def render(self, _region: str, /) -> dict[str, Any]:
        return {"type": "alarm", "properties": {"title": self.title, "alarms": list(self.alarms), "sortBy": "default"}}


def placed(widgets: Iterable[Widget], region: str) -> list[dict[str, Any]]:
    """Widgets in rows, from left to right and from the top down, as a dashboard's body holds them.

    Args:
        widgets: In the order of reading.
        region: Where their metrics are.

    Raises:
        ContractError: There are more than a dashboard holds, or one is wider than the page.
    """
    found: list[dict[str, Any]] = []
    x = y = tallest = 0
    for widget in widgets:
        if widget.width > COLUMNS:
            reject("width", widget.width, f"a page has {COLUMNS} columns", f"Give at most {COLUMNS}.")
        if x + widget.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        found.append({"x": x, "y": y, "width": widget.width, "height": widget.height, **widget.render(region)})
        x, tallest = x + widget.width, max(tallest, widget.height)
    if len(found) > MOST_WIDGETS:
        reject("widgets", len(found), f"a dashboard holds {MOST_WIDGETS}", "Make two of them.")
    return found
