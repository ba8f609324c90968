"""Graphs of a dashboard as plots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import plotly.graph_objects as go

from trainyard.dashboards.body import Graph
from trainyard.dashboards.data import Curve
from trainyard.pages.figures import COLOURS, WARNING, plot

_ROW_PIXELS = 36
_ENTRY_PIXELS = 24
_LEGEND_PIXELS = 160
"""Most of a legend: it scrolls where more jobs ran."""
_FEW = 40
"""Points up to which each is marked: one alone would not be seen as a line."""
_DASHES = ("solid", "dash", "dot")


class Looks:
    """What a curve looks like: the same job or host is drawn alike in every graph of a page."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def of(self, label: str, number: int, *, kind: str) -> dict[str, object]:
        """Colour and dash.

        Args:
            label: What the curve is called.
            number: Its place in its graph.
            kind: What a label names in this graph and in others of that kind; empty where it names something in this
                one alone.
        """
        if kind:
            known = self._numbers.setdefault(kind, {})
            number = known.setdefault(label, len(known))
        dash = _DASHES[number // len(COLOURS) % len(_DASHES)]
        return {"color": COLOURS[number % len(COLOURS)], "width": 2, "dash": dash}


def graph(widget: Graph, curves: Sequence[Curve], looks: Looks, start: datetime, end: datetime) -> go.Figure:
    """A graph's curves over the time that the page shows.

    Args:
        widget: Unit, height and limits.
        curves: What CloudWatch gave.
        looks: Of the page's curves.
        start: Left end.
        end: Right end.
    """
    # The page adds the legend's height when it has drawn once: until then the plot must have room beside it.
    legend = min(_LEGEND_PIXELS, _ENTRY_PIXELS * len(curves))
    figure = plot(x="", y=widget.unit, height=max(150, widget.place.height * _ROW_PIXELS, legend + 100))
    for number, curve in enumerate(curves):
        look = looks.of(curve.label, number, kind=widget.finds)
        figure.add_scatter(
            x=[moment.astimezone(UTC) for moment in curve.moments], y=curve.values, name=curve.label, line=look,
            mode="lines+markers" if len(curve.values) <= _FEW else "lines", marker={"size": 5},
        )  # fmt: skip
    for label, value in widget.limits:
        figure.add_hline(y=value, line_color=WARNING, line_dash="dash", line_width=1)
        figure.add_annotation(xref="paper", x=1, y=value, text=f"{label} {value:g}", showarrow=False, xanchor="right",
                              yanchor="bottom")  # fmt: skip
    figure.update_layout(showlegend=len(curves) > 1 or any(curve.label for curve in curves),
                         margin={"l": 56, "r": 8, "t": 4, "b": 46})  # fmt: skip
    figure.update_layout(legend={"maxheight": _LEGEND_PIXELS})
    figure.update_xaxes(
        range=[start.astimezone(UTC), end.astimezone(UTC)],
        nticks=6 if widget.place.width >= 8 else 3,
        tickangle=0,
        title=None,
    )
    figure.update_yaxes(nticks=5)
    return figure
