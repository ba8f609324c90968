"""What all plots share."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from trainyard.report.figures import COLOURS

__all__ = ["COLOURS", "line", "marker", "plot"]


def plot(*, x: str, y: str) -> go.Figure:
    """An empty plot whose page sets the colours of text and grid, light or dark.

    Args:
        x: Title of the axis.
        y: Title of the axis.
    """
    figure = go.Figure()
    figure.update_layout(
        template="none", height=360, margin={"l": 60, "r": 16, "t": 16, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 13}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", legend={"orientation": "h", "y": 1.03, "yanchor": "bottom", "x": 0},
        xaxis={"title": {"text": x}, "zeroline": False, "automargin": True},
        yaxis={"title": {"text": y}, "zeroline": False, "automargin": True, "rangemode": "tozero"},
    )  # fmt: skip
    return figure


def line(x: Sequence[object], y: Sequence[float], name: str, colour: str, *, dash: str = "solid") -> go.Scatter:
    """A curve."""
    return go.Scatter(x=list(x), y=list(y), name=name, mode="lines", line={"color": colour, "width": 2, "dash": dash})


def marker(x: object, y: float, name: str, colour: str) -> go.Scatter:
    """One point."""
    look = {"symbol": "diamond", "size": 11, "color": colour}
    return go.Scatter(x=[x], y=[y], mode="markers", name=name, marker=look)
