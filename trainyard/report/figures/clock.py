"""What happened when, and where the time went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go

from trainyard.pages.figures import COLOURS, GROUND, QUIET, WARNING, plot
from trainyard.report import time_spent, timeline
from trainyard.report.chapter import Chapter
from trainyard.report.moments import clock

_BLUE, _VERMILION, _GREEN, _PURPLE, _OCHRE, _END = COLOURS
_PHASES = {
    timeline.OTHER: _END, timeline.WAITING: QUIET, timeline.DOWNLOADING: _PURPLE, timeline.TRAINING: _BLUE,
    timeline.UPLOADING: _OCHRE, timeline.ALARM: WARNING,
}  # fmt: skip
_MARKS = {
    "commit": ("diamond", _GREEN, 9, 0.45), "interruption": ("x", WARNING, 13, 0.0),
    "resumed": ("triangle-right", _END, 10, 0.45),
}  # fmt: skip
"""Symbol, colour, size in pixels, and how far below the middle of the bar."""
_SPENT = dict(zip(time_spent.ORDER, (_BLUE, WARNING, _GREEN, _PURPLE, _OCHRE, QUIET, _END), strict=True))
_BAR = 0.4
_ROW = 44
"""Pixels of a line: its label and its bar."""
_LONGEST = 46
"""Letters of a label: what fits above a bar on a phone."""


def happened(chapter: Chapter, now: datetime) -> go.Figure:
    """Steps, phases, commits, interruptions and alarms of one chapter, on its clock."""
    rows = timeline.rows(chapter, now)
    began = chapter.execution.started
    end = max([phase.end for row in rows for phase in row.phases], default=now)
    unit, each = _unit((end - began).total_seconds())
    places = _places(rows)

    def at(time: datetime) -> float:
        return (time - began).total_seconds() / each

    figure = plot(x=f"{unit} since the start of the execution", y="")
    phases = [(place, phase) for place, row in zip(places, rows, strict=True) for phase in row.phases]
    for kind in dict.fromkeys(phase.kind for _, phase in phases):
        mine = [(place, phase) for place, phase in phases if phase.kind == kind]
        figure.add_trace(go.Bar(
            y=[place for place, _ in mine], base=[at(phase.start) for _, phase in mine],
            x=[at(phase.end) - at(phase.start) for _, phase in mine], orientation="h", width=_BAR, name=kind,
            marker={"color": _PHASES[kind], "line": {"width": 0}},
            customdata=[f"{phase.words}<br>{clock(phase.start)}" for _, phase in mine],
            hovertemplate="%{customdata}<extra></extra>",
        ))  # fmt: skip
    marks = [(place, mark) for place, row in zip(places, rows, strict=True) for mark in row.marks]
    for kind in [kind for kind in _MARKS if any(mark.kind == kind for _, mark in marks)]:
        symbol, colour, size, below = _MARKS[kind]
        here = [(place, mark) for place, mark in marks if mark.kind == kind]
        figure.add_trace(go.Scatter(
            y=[place + below for place, _ in here], x=[at(mark.time) for _, mark in here], mode="markers", name=kind,
            marker={"symbol": symbol, "size": size, "color": colour, "line": {"width": 1, "color": GROUND}},
            customdata=[f"{mark.words}<br>{clock(mark.time)}" for _, mark in here],
            hovertemplate="%{customdata}<extra></extra>",
        ))  # fmt: skip
    label_rows(figure, [row.label for row in rows], places)
    figure.update_layout(barmode="overlay", showlegend=True)
    figure.update_xaxes(rangemode="tozero")
    return figure


def _places(rows: Sequence[timeline.Row]) -> list[float]:
    """Where each row's bar lies; below a bar with marks there is room for them."""
    found, place = [], 0.0
    for row in rows:
        found.append(place)
        place += 1.5 if row.marks else 1.0
    return found


def spent(chapters: Sequence[Chapter], now: datetime) -> go.Figure | None:
    """Where the time of each training job went; None where no log tells."""
    told = [(chapter, time_spent.spent(chapter, now)) for chapter in chapters]
    told = [(chapter, found) for chapter, found in told if found]
    if not told:
        return None
    figure = plot(x="share of the job's time", y="")
    for what in time_spent.ORDER:
        seconds = [found.get(what, 0.0) for _, found in told]
        shares = [mine / sum(found.values()) for mine, (_, found) in zip(seconds, told, strict=True)]
        # What nobody could see would only make the legend longer.
        if max(shares) >= 0.001:
            words = [f"{what}: {mine:.1f} s, {share:.1%}" for mine, share in zip(seconds, shares, strict=True)]
            figure.add_trace(go.Bar(
                y=list(range(len(told))), x=shares, orientation="h", width=_BAR, name=what,
                marker={"color": _SPENT[what], "line": {"width": 0}}, customdata=words,
                hovertemplate="%{customdata}<extra></extra>",
            ))  # fmt: skip
    counted = [found.get(time_spent.STEPS, 0.0) / sum(found.values()) for _, found in told]
    label_rows(figure, [f"{chapter.execution.id}: {share:.1%} in {time_spent.STEPS}"
                        for (chapter, _), share in zip(told, counted, strict=True)])  # fmt: skip
    figure.update_layout(barmode="stack", showlegend=True, legend={"traceorder": "normal"})
    figure.update_xaxes(tickformat=".0%", range=[0, 1])
    return figure


def label_rows(figure: go.Figure, labels: Sequence[str], places: Sequence[float] | None = None) -> None:
    """Each line's label above its bar: beside it a phone would have no room for the bar.

    Args:
        figure: Bars that lie, of a width of 0.4.
        labels: One a line, the uppermost first.
        places: Where the bars lie on the axis; 0, 1, 2 … by default.
    """
    places = places or [float(number) for number in range(len(labels))]
    for place, label in zip(places, labels, strict=True):
        text = label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
        figure.add_annotation(text=text, x=0, xref="paper", xanchor="left", y=place - 0.42, yref="y", yanchor="middle",
                              showarrow=False)  # fmt: skip
    low, high = -0.75, (places[-1] if places else 0) + 0.65
    figure.update_yaxes(range=[high, low], showticklabels=False, showgrid=False, automargin=False, ticks="",
                        rangemode="normal", fixedrange=True)  # fmt: skip
    figure.update_layout(margin={"l": 8, "r": 16, "t": 4, "b": 50}, height=54 + _ROW * (high - low))


def _unit(seconds: float) -> tuple[str, float]:
    if seconds < 300:
        return "seconds", 1.0
    return ("minutes", 60.0) if seconds < 4 * 3600 else ("hours", 3600.0)
