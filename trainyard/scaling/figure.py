"""The plot of a simulation."""

from __future__ import annotations

import plotly.graph_objects as go

from trainyard.scaling.simulation import Simulation

# Okabe and Ito's palette, as in the report.
_ASKED, _NEEDED, _LOAD = "#0072B2", "#D55E00", "#9aa0a6"


def figure(simulation: Simulation) -> go.Figure:
    """Instances asked for, in service and needed, over the requests of each minute."""
    times = [simulation.trace.time(minute) for minute in range(len(simulation.minutes))]
    asked = {"color": _ASKED, "shape": "hv", "width": 2}
    most = max([*(each.billed for each in simulation.minutes), *simulation.ideal, 1])
    plot = go.Figure()
    plot.add_trace(go.Scatter(x=times, y=[each.requests for each in simulation.minutes], name="requests a minute",
                              yaxis="y2", mode="lines", fill="tozeroy", line={"color": _LOAD, "width": 1}))  # fmt: skip
    plot.add_trace(go.Scatter(x=times, y=[each.billed for each in simulation.minutes], name="instances", line=asked))
    plot.add_trace(go.Scatter(x=times, y=[each.active for each in simulation.minutes], name="in service",
                              line=asked | {"dash": "dot", "width": 1}))  # fmt: skip
    plot.add_trace(go.Scatter(x=times, y=list(simulation.ideal), name="needed",
                              line={"color": _NEEDED, "shape": "hv", "dash": "dash", "width": 1}))  # fmt: skip
    plot.update_layout(
        template="plotly_white",
        height=380,
        margin={"l": 70, "r": 70, "t": 20, "b": 50},
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "y": -0.22},
        yaxis={"title": "instances", "rangemode": "tozero", "overlaying": "y2", "dtick": -(-most // 10)},
        yaxis2={"title": "requests a minute", "rangemode": "tozero", "side": "right", "showgrid": False},
        hovermode="x unified",
    )
    return plot
