"""What all plots share. The page sets colours of text and grid, the legend's place, and sizes for a narrow screen."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from trainyard.pages import colours
from trainyard.pages.colours import COLOURS, QUIET, WARNING

__all__ = ["COLOURS", "GROUND", "QUIET", "WARNING", "line", "marker", "plot"]


GROUND = colours.GROUND[0]
"""Around marks that lie on something."""


def plot(*, x: str, y: str, height: int = 320) -> go.Figure:
    """An empty plot.

    Args:
        x: Title of the axis.
        y: Title of the axis.
        height: In pixels, without the legend.
    """
    figure = go.Figure()
    figure.update_layout(
        template="none", height=height, margin={"l": 60, "r": 16, "t": 12, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        # Both margins of their own accord may swing to and fro: labels below have two lines at most, and stand upright.
        xaxis={"title": {"text": x}, "zeroline": False, "tickangle": 0},
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
