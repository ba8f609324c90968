"""The plots of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from trainyard.load.generator import Level
from trainyard.pages.figures import COLOURS, plot

_AT_ONCE = "requests at once"


def figures(levels: Sequence[Level]) -> list[tuple[str, go.Figure]]:
    """Throughput, and latency at each percentile, over concurrency; each with its caption."""
    at = [str(level.concurrency) for level in levels]
    throughput = plot(x=_AT_ONCE, y="answers a second")
    throughput.add_trace(go.Bar(x=at, y=[level.throughput for level in levels], marker_color=COLOURS[0]))
    latency = plot(x=_AT_ONCE, y="latency (ms)")
    for name, colour in zip(("p50", "p95", "p99"), COLOURS, strict=False):
        values = [1000 * getattr(level, name) for level in levels]
        latency.add_trace(go.Scatter(x=at, y=values, name=name, mode="lines+markers", line_color=colour))
    for figure in (throughput, latency):
        figure.update_xaxes(type="category")
    return [("Answers a second by requests at once.", throughput), ("Latency by requests at once.", latency)]
