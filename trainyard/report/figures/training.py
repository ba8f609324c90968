"""What the training job reported, by step: runs that are compared lie on each other."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import plotly.graph_objects as go

from ml_contract import metrics
from trainyard.operations.training import Observation
from trainyard.pages.figures import COLOURS, WARNING, plot
from trainyard.report.chapter import Chapter

_T = TypeVar("_T")
MOST_POINTS = 1500
"""Of a curve; of a longer one every n-th is drawn, for a page is no archive."""


def colour(number: int) -> str:
    """Of the chapter of that number, in every plot."""
    return COLOURS[number % len(COLOURS)]


def losses(chapters: Sequence[Chapter]) -> go.Figure | None:
    """Loss, a curve for each start of each job; commits and interruptions marked. None where none was reported."""
    figure = plot(x="step", y=f"loss ({metrics.LOSS.unit})", height=380)
    figure.update_yaxes(rangemode="normal")
    for number, chapter in enumerate(chapters):
        if chapter.run is None:
            continue
        seen = chapter.run.series(metrics.LOSS)
        for attempt in range(chapter.run.attempts if seen else 0):
            part = [item for item in seen if item.attempt == attempt]
            suffix = f", start {attempt + 1}" if chapter.run.attempts > 1 else ""
            figure.add_trace(_curve(part, f"{chapter.label}{suffix}", colour(number), dashed=attempt > 0))
        marks = tuple(_marks(chapter, seen, colour(number)))
        figure.add_traces([mark for mark in marks if mark.x])
    return figure if figure.data else None


def _curve(part: Sequence[Observation], name: str, colour: str, *, dashed: bool) -> go.Scatter:
    drawn = thin(part)
    return go.Scatter(
        x=[item.step for item in drawn], y=[item.values[metrics.LOSS] for item in drawn], name=name, mode="lines",
        line={"color": colour, "width": 2, "dash": "dot" if dashed else "solid"},
    )  # fmt: skip


def _marks(chapter: Chapter, seen: Sequence[Observation], colour: str) -> Iterator[go.Scatter]:
    assert chapter.run is not None
    loss = {item.step: item.values[metrics.LOSS] for item in seen}
    committed = [int(item.values[metrics.CHECKPOINT_STEP]) for item in chapter.run.commits()]
    ends = [[item.step for item in seen if item.attempt == attempt] for attempt in range(chapter.run.attempts - 1)]
    for name, steps, symbol, size, look in (
        ("commits", committed, "diamond", 9, colour),
        ("interruptions", [steps[-1] for steps in ends if steps], "x", 12, WARNING),
    ):
        at = [step for step in steps if step in loss]
        yield go.Scatter(
            x=at, y=[loss[step] for step in at], name=f"{chapter.execution.id}: {name}", mode="markers",
            marker={"symbol": symbol, "size": size, "color": look},
        )  # fmt: skip


def tokens(chapters: Sequence[Chapter]) -> go.Figure | None:
    """Throughput."""
    return _smooth(chapters, metrics.TOKENS_PER_SECOND, "tokens a second, all ranks")


def mfu(chapters: Sequence[Chapter]) -> go.Figure | None:
    """Share of the accelerators' peak."""
    figure = _smooth(chapters, metrics.MFU, "share of the dense bf16 peak")
    if figure is not None:
        figure.update_yaxes(tickformat=".0%")
    return figure


def step_seconds(chapters: Sequence[Chapter]) -> go.Figure | None:
    """Time of a step: as it was reported, or between two lines of the log."""
    return _smooth(chapters, metrics.STEP_SECONDS, "seconds a step") or _smooth_of(
        chapters, lambda chapter: list(_gaps(chapter)), "seconds a step"
    )


def _gaps(chapter: Chapter) -> Iterator[tuple[int, float]]:
    seen = chapter.run.series(metrics.LOSS) if chapter.run else []
    for before, after in itertools.pairwise(seen):
        if before.attempt == after.attempt and after.step > before.step:
            yield after.step, (after.time - before.time).total_seconds() / (after.step - before.step)


def _smooth(chapters: Sequence[Chapter], metric: metrics.Metric, title: str) -> go.Figure | None:
    def points(chapter: Chapter) -> list[tuple[int, float]]:
        return [(item.step, item.values[metric]) for item in chapter.run.series(metric)] if chapter.run else []

    return _smooth_of(chapters, points, title)


def _smooth_of(
    chapters: Sequence[Chapter], points: Callable[[Chapter], list[tuple[int, float]]], title: str
) -> go.Figure | None:
    """Every value faintly, and the median of those around it."""
    figure = plot(x="step", y=title, height=280)
    for number, chapter in enumerate(chapters):
        found = points(chapter)
        if not found:
            continue
        values = [value for _, value in found]
        reach = max(1, len(values) // 40)
        middle = [statistics.median(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))]
        drawn = thin(list(zip(found, middle, strict=True)))
        at = [step for (step, _), _ in drawn]
        look = {"color": colour(number)}
        figure.add_trace(go.Scatter(x=at, y=[value for (_, value), _ in drawn], mode="lines", line={**look, "width": 1},
                                    opacity=0.3, hoverinfo="skip", showlegend=False))  # fmt: skip
        figure.add_trace(go.Scatter(x=at, y=[each for _, each in drawn], mode="lines", line={**look, "width": 2},
                                    name=chapter.label, showlegend=len(chapters) > 1))  # fmt: skip
    return figure if figure.data else None


def checkpoints(chapters: Sequence[Chapter]) -> go.Figure | None:
    """How long each checkpoint held training up, and how long it took to be committed."""
    figure = plot(x="step", y="seconds", height=280)
    for number, chapter in enumerate(chapters):
        for metric, name, symbol in (
            (metrics.CHECKPOINT_STALL_SECONDS, "training stood", "circle"),
            (metrics.CHECKPOINT_SECONDS, "committed after", "diamond-open"),
        ):
            seen = thin(chapter.run.series(metric)) if chapter.run else []
            if seen:
                figure.add_trace(go.Scatter(
                    x=[item.step for item in seen], y=[item.values[metric] for item in seen], mode="markers",
                    name=f"{chapter.execution.id}: {name}" if len(chapters) > 1 else name,
                    marker={"symbol": symbol, "size": 8, "color": colour(number)},
                ))  # fmt: skip
    return figure if figure.data else None


def thin(points: Sequence[_T]) -> Sequence[_T]:
    """Every n-th point and the last, so that there are no more than ``MOST_POINTS`` or one more."""
    stride = -(-len(points) // MOST_POINTS)
    return points if stride <= 1 else [*points[::stride], points[-1]]
