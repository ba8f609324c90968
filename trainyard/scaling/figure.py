"""The plot of a simulation."""

from __future__ import annotations

import plotly.graph_objects as go

from trainyard.pages.figures import COLOURS, QUIET, plot
from trainyard.scaling.simulation import Simulation

_ASKED, _NEEDED = COLOURS[:2]


def figure(simulation: Simulation) -> go.Figure:
    """Instances asked for, in service and needed, over the requests of each minute."""
    times = [simulation.trace.time(minute) for minute in range(len(simulation.minutes))]
    asked = {"color": _ASKED, "shape": "hv", "width": 2}
    most = max([*(each.billed for each in simulation.minutes), *simulation.ideal, 1])
    drawn = plot(x="", y="instances", height=340)
    drawn.add_trace(go.Scatter(x=times, y=[each.requests for each in simulation.minutes], name="requests a minute",
                               yaxis="y2", mode="lines", fill="tozeroy",
                               line={"color": QUIET, "width": 1}))  # fmt: skip
    drawn.add_trace(go.Scatter(x=times, y=[each.billed for each in simulation.minutes], name="instances", line=asked))
    drawn.add_trace(go.Scatter(x=times, y=[each.active for each in simulation.minutes], name="in service",
                               line=asked | {"dash": "dot", "width": 1}))  # fmt: skip
    drawn.add_trace(go.Scatter(x=times, y=list(simulation.ideal), name="needed",
                               line={"color": _NEEDED, "shape": "hv", "dash": "dash", "width": 1}))  # fmt: skip
    drawn.update_layout(
        yaxis={"overlaying": "y2", "dtick": -(-most // 10)},
        yaxis2={"title": {"text": "requests a minute"}, "rangemode": "tozero", "side": "right", "showgrid": False,
                "zeroline": False, "automargin": True},
        hovermode="x unified",
    )  # fmt: skip
    return drawn
