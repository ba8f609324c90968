"""The report's plots."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import plotly.graph_objects as go

from ml_contract import metrics
from ml_contract.workloads.base import Headline
from trainyard.operations.training import Observation
from trainyard.pages.figures import COLOURS, QUIET, WARNING
from trainyard.report.data import Chapter, Latencies

_LAYOUT = {
    "template": "none",
    "margin": {"l": 70, "r": 20, "t": 20, "b": 50},
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "height": 380,
}


def losses(chapters: Sequence[Chapter]) -> go.Figure:
    """Loss over steps, a trace for each start of each job; commits and interruptions marked."""
    figure = go.Figure()
    for number, chapter in enumerate(chapters):
        if chapter.run is None:
            continue
        colour = COLOURS[number % len(COLOURS)]
        seen = chapter.run.series(metrics.LOSS)
        for attempt in range(chapter.run.attempts):
            part = [item for item in seen if item.attempt == attempt]
            suffix = f", start {attempt + 1}" if chapter.run.attempts > 1 else ""
            figure.add_trace(_curve(part, f"{chapter.label}{suffix}", colour, dashed=attempt > 0))
            interrupted = attempt < chapter.run.attempts - 1 and part
            if interrupted:
                last = part[-1].step
                figure.add_vline(x=last, line_color=WARNING, line_dash="dash", annotation_text=f"reclaimed at {last}")
        figure.add_trace(_commits(chapter, seen, colour))
    figure.update_layout(**_LAYOUT, xaxis_title="step", yaxis_title=f"loss ({metrics.LOSS.unit})")
    return figure


def _curve(part: Sequence[Observation], name: str, colour: str, *, dashed: bool) -> go.Scatter:
    return go.Scatter(
        x=[item.step for item in part],
        y=[item.values[metrics.LOSS] for item in part],
        name=name,
        mode="lines",
        line={"color": colour, "width": 2, "dash": "dot" if dashed else "solid"},
    )


def _commits(chapter: Chapter, seen: Sequence[Observation], colour: str) -> go.Scatter:
    assert chapter.run is not None
    loss = {item.step: item.values[metrics.LOSS] for item in seen}
    steps = [int(item.values[metrics.CHECKPOINT_STEP]) for item in chapter.run.commits()]
    steps = [step for step in steps if step in loss]
    return go.Scatter(
        x=steps,
        y=[loss[step] for step in steps],
        name=f"{chapter.label}: commits",
        mode="markers",
        marker={"symbol": "diamond", "size": 10, "color": colour, "line": {"color": "white", "width": 1}},
    )


def stages(chapters: Sequence[Chapter]) -> go.Figure:
    """How long each step of each execution took, from the start of the execution."""
    figure = go.Figure()
    for number, chapter in enumerate(chapters):
        began = chapter.execution.started
        ended = [step for step in chapter.execution.steps if step.seconds is not None and step.started is not None]
        figure.add_trace(
            go.Bar(
                y=[f"{step.name} · {chapter.execution.id}" for step in ended],
                x=[step.seconds for step in ended],
                base=[(step.started - began).total_seconds() for step in ended if step.started is not None],
                orientation="h",
                name=chapter.label,
                marker_color=COLOURS[number % len(COLOURS)],
                text=[f"{step.seconds:.1f} s" for step in ended],
                textposition="auto",
            )
        )
        figure.add_trace(_interruptions(chapter))
    count = sum(len(chapter.execution.steps) for chapter in chapters)
    figure.update_layout(**_LAYOUT | {"height": 140 + 30 * count, "margin": {"l": 200, "r": 20, "t": 20, "b": 50}})
    figure.update_layout(xaxis_title="seconds since the start of the execution", yaxis={"autorange": "reversed"})
    return figure


def _interruptions(chapter: Chapter) -> go.Scatter:
    """A mark on the training's bar for every interruption."""
    moments = chapter.run.interruptions() if chapter.run else []
    training = next((step.name for step in chapter.execution.steps if step.is_training), "")
    return go.Scatter(
        x=[(moment - chapter.execution.started).total_seconds() for moment in moments],
        y=[f"{training} · {chapter.execution.id}"] * len(moments),
        name="interruption",
        mode="markers",
        marker={"symbol": "x", "size": 12, "color": "black", "line": {"color": "white", "width": 2}},
        showlegend=bool(moments),
    )


def heldout(chapters: Sequence[Chapter]) -> dict[str, go.Figure]:
    """The figures by which models are judged, beside the baselines on the same data: one plot for each unit."""
    bars: dict[str, dict[str, tuple[float, str]]] = {}
    for number, chapter in enumerate(chapters):
        if chapter.headline is None:
            continue
        of_unit = bars.setdefault(_title(chapter.headline), {})
        for name, words in chapter.headline.baselines.items():
            of_unit[words] = (chapter.evaluation[name], QUIET)
        value = chapter.evaluation[chapter.headline.figure]
        of_unit[f"model of {chapter.label}"] = (value, COLOURS[number % len(COLOURS)])
    return {title: _bars(title, of_unit) for title, of_unit in bars.items()}


def _title(headline: Headline) -> str:
    return f"{headline.unit}; {'less' if headline.better == 'LessThan' else 'more'} is better"


def _bars(title: str, bars: dict[str, tuple[float, str]]) -> go.Figure:
    figure = go.Figure(
        go.Bar(
            y=list(bars),
            x=[value for value, _ in bars.values()],
            orientation="h",
            marker_color=[colour for _, colour in bars.values()],
            text=[f"{value:.3f}" for value, _ in bars.values()],
            textposition="auto",
        )
    )
    figure.update_layout(**_LAYOUT | {"height": 120 + 40 * len(bars), "margin": {"l": 240, "r": 20, "t": 20, "b": 50}})
    figure.update_layout(xaxis_title=title, showlegend=False)
    return figure


def latencies(requests: Latencies) -> go.Figure:
    """Latency of each request in the order they were sent, with the median."""
    milliseconds = [1000 * seconds for seconds in requests.seconds]
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, len(milliseconds) + 1)),
            y=milliseconds,
            mode="markers+lines",
            line={"color": COLOURS[0], "width": 1},
            marker={"size": 6},
        )
    )
    median = statistics.median(milliseconds)
    figure.add_hline(y=median, line_dash="dot", annotation_text=f"median {median:.1f} ms")
    figure.update_layout(**_LAYOUT, xaxis_title="request", yaxis_title="latency (ms)", showlegend=False)
    figure.update_yaxes(rangemode="tozero")
    return figure
