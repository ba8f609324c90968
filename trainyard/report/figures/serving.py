"""What endpoints did."""

from __future__ import annotations

import statistics

import plotly.graph_objects as go

from trainyard.pages.figures import COLOURS, QUIET, plot
from trainyard.report.data import Latencies
from trainyard.report.endpoint_figures import Series
from trainyard.report.moments import plotted
from trainyard.report.serving import Endpoint


def latency(endpoint: Endpoint) -> go.Figure | None:
    """Percentiles over time; None without a request."""
    if not any(series.times for series in endpoint.latency.values()):
        return None
    figure = plot(x="", y="milliseconds", height=280)
    for (name, series), colour, dash in zip(
        endpoint.latency.items(), (COLOURS[2], COLOURS[0], COLOURS[1]), ("solid", "dash", "dot"), strict=True
    ):
        figure.add_trace(go.Scatter(**_points(series), name=name, mode="lines+markers",
                                    line={"color": colour, "width": 2, "dash": dash}, marker={"size": 5}))  # fmt: skip
    return figure


def requests(endpoint: Endpoint) -> go.Figure | None:
    """Requests in each period over time, with the instances that there were; None without a request."""
    if not endpoint.requests.times:
        return None
    figure = plot(x="", y="instances", height=280)
    figure.add_trace(go.Bar(**_points(endpoint.requests), name="requests", yaxis="y2", marker_color=QUIET, opacity=0.6))
    for (variant, series), colour in zip(endpoint.instances.items(), COLOURS, strict=False):
        name = "instances" if len(endpoint.instances) == 1 else f"instances of {variant}"
        figure.add_trace(go.Scatter(**_points(series), name=name, mode="lines",
                                    line={"color": colour, "shape": "hv", "width": 2}))  # fmt: skip
    most = max((value for series in endpoint.instances.values() for value in series.values), default=1)
    first, last = endpoint.requests.times[0], endpoint.requests.times[-1]
    figure.update_layout(
        yaxis={"overlaying": "y2", "dtick": -(-int(most) // 8) or 1, "range": [0, most * 1.15]},
        yaxis2={"title": {"text": "requests"}, "rangemode": "tozero", "side": "right", "showgrid": False,
                "zeroline": False, "automargin": True},
        showlegend=True,
    )  # fmt: skip
    if first < last:
        figure.update_xaxes(range=[plotted(first), plotted(last)])
    return figure


def _points(series: Series) -> dict[str, list[object]]:
    return {"x": [plotted(time) for time in series.times], "y": list(series.values)}


def measured(requests: Latencies) -> go.Figure:
    """Latency of each request in the order they were sent, with the median."""
    milliseconds = [1000 * seconds for seconds in requests.seconds]
    figure = plot(x="request", y="milliseconds", height=280)
    at = list(range(1, len(milliseconds) + 1))
    figure.add_trace(go.Scatter(x=at, y=milliseconds, mode="markers+lines", name="latency",
                                line={"color": COLOURS[0], "width": 1}, marker={"size": 5}))  # fmt: skip
    median = statistics.median(milliseconds)
    figure.add_trace(go.Scatter(x=[at[0], at[-1]], y=[median, median], mode="lines", name=f"median {median:.1f} ms",
                                line={"color": COLOURS[1], "width": 2, "dash": "dot"}))  # fmt: skip
    return figure
