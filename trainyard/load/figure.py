"""The plot of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from trainyard.load.generator import Level

# Okabe and Ito's palette, as in the report.
_COLOURS = ("#0072B2", "#009E73", "#E69F00", "#D55E00")


def figure(levels: Sequence[Level], title: str) -> go.Figure:
    """Throughput, and latency at each percentile, over concurrency."""
    plot = make_subplots(rows=1, cols=2, subplot_titles=("answers a second", "latency (ms)"))
    at = [str(level.concurrency) for level in levels]
    plot.add_trace(
        go.Bar(x=at, y=[level.throughput for level in levels], marker_color=_COLOURS[0], showlegend=False), row=1, col=1
    )
    for name, colour in zip(("p50", "p95", "p99"), _COLOURS[1:], strict=True):
        values = [1000 * getattr(level, name) for level in levels]
        plot.add_trace(go.Scatter(x=at, y=values, name=name, mode="lines+markers", line_color=colour), row=1, col=2)
    plot.update_xaxes(title="requests at once", type="category")
    plot.update_yaxes(rangemode="tozero")
    plot.update_layout(template="plotly_white", height=420, title=title, font={"family": "system-ui, sans-serif"})
    return plot
