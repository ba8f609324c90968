"""Dashboards as values, and as Grafana's own JSON.

Source: "Dashboard JSON model" and "Panel options", Grafana documentation 10.4, the version that managed workspaces
begin with; read 2026-11-22.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.observability.promql import check
from constructs_lib.values import Value
from ml_contract.errors import reject

SCHEMA_VERSION = 39
_COLUMNS = 24
Unit = Literal["percentunit", "percent", "bytes", "Bps", "celsius", "watt", "short", "s", "none", "decmbytes"]
"""Ids of Grafana's units."""


class Query(Value):
    """Series of a panel."""

    expr: str
    """Expression of PromQL; ``$cluster`` and ``$__rate_interval`` are Grafana's."""
    legend: str = Field(min_length=1)
    """Name of each series, from labels: ``{{node}}``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check(self.expr, field="expr")
        return self


class Threshold(Value):
    """A value from which on a panel is coloured."""

    value: float
    """The value, in the panel's unit."""
    color: Literal["yellow", "red", "green"]
    """The colour from there on."""


class Panel(Value):
    """One picture."""

    title: str = Field(min_length=1, max_length=60)
    """What it shows."""
    queries: tuple[Query, ...] = Field(min_length=1, max_length=6)
    """Its series."""
    unit: Unit
    """Unit of its axis."""
    kind: Literal["timeseries", "stat"] = "timeseries"
    """A curve, or the last value."""
    width: int = Field(default=12, ge=3, le=_COLUMNS)
    """Columns of 24."""
    height: int = Field(default=8, ge=3, le=20)
    """Rows of about 30 pixels."""
    thresholds: tuple[Threshold, ...] = ()
    """Colours; none by default."""
    description: str = Field(default="", max_length=400)
    """What to make of it; nothing by default."""

    def render(self, number: int, place: dict[str, int]) -> dict[str, Any]:
        """Panel of Grafana.

        Args:
            number: Id within the dashboard.
            place: Its grid position.
        """
        steps: list[dict[str, Any]] = [{"value": None, "color": "green"}]
        steps += [{"value": step.value, "color": step.color} for step in self.thresholds]
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _SOURCE,
            "gridPos": place,
            "fieldConfig": {
                "defaults": {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}},
                "overrides": [],
            },
            "targets": [
                {"refId": chr(ord("A") + index), "expr": query.expr, "legendFormat": query.legend,
                 "datasource": _SOURCE}
                for index, query in enumerate(self.queries)
            ],
        }  # fmt: skip


class Dashboard(Value):
    """One page."""

    uid: str = Field(pattern=r"^[a-z0-9-]+$", max_length=40)
    """Id for good: publishing again replaces the page."""
    title: str = Field(min_length=1, max_length=80)
    """Title."""
    panels: tuple[Panel, ...] = Field(min_length=1)
    """Pictures, from left to right and from top to bottom."""
    tags: tuple[str, ...] = ("trainyard",)
    """Words to find it by."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        titles = [panel.title for panel in self.panels]
        twice = [title for title in titles if titles.count(title) > 1]
        if twice:
            reject("panels.title", twice[0], "a title names one picture", "Rename one of them.")
        return self

    def render(self) -> dict[str, Any]:
        """Dashboard of Grafana."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": list(self.tags),
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [_SOURCE_VARIABLE, _CLUSTER_VARIABLE]},
            "panels": [panel.render(number, place) for number, (panel, place) in enumerate(self._placed(), 1)],
        }

    def text(self) -> str:
        """The same bytes for the same values."""
        return json.dumps(self.render(), indent=1, sort_keys=True) + "\n"

    def _placed(self) -> list[tuple[Panel, dict[str, int]]]:
        placed, left, top, tallest = [], 0, 0, 0
        for panel in self.panels:
            if left + panel.width > _COLUMNS:
                left, top, tallest = 0, top + tallest, 0
            placed.append((panel, {"x": left, "y": top, "w": panel.width, "h": panel.height}))
            left, tallest = left + panel.width, max(tallest, panel.height)
        return placed


_SOURCE = {"type": "prometheus", "uid": "${source}"}
# The page asks for its data source, so that it is the same in every workspace.
_SOURCE_VARIABLE = {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}
_CLUSTER_VARIABLE = {
    "name": "cluster",
    "label": "Cluster",
    "type": "query",
    "datasource": _SOURCE,
    "query": {"query": "label_values(up, cluster)", "refId": "cluster"},
    "refresh": 2,
    "sort": 1,
}
