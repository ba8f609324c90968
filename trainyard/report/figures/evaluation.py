"""The figures by which models are judged, beside the baselines on the same data."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from ml_contract.workloads.base import Headline
from trainyard.pages.figures import QUIET, plot
from trainyard.report.chapter import Chapter
from trainyard.report.figures.clock import label_rows
from trainyard.report.figures.training import colour


def heldout(chapters: Sequence[Chapter]) -> dict[str, go.Figure]:
    """One plot for each unit, by its title."""
    bars: dict[str, dict[str, tuple[float, str]]] = {}
    for number, chapter in enumerate(chapters):
        if chapter.headline is None:
            continue
        of_unit = bars.setdefault(_title(chapter.headline), {})
        for name, words in chapter.headline.baselines.items():
            of_unit[words] = (chapter.evaluation[name], QUIET)
        of_unit[f"model of {chapter.label}"] = (chapter.evaluation[chapter.headline.figure], colour(number))
    return {title: _bars(title, of_unit) for title, of_unit in bars.items()}


def _title(headline: Headline) -> str:
    return f"{headline.unit}; {'less' if headline.better == 'LessThan' else 'more'} is better"


def _bars(title: str, bars: dict[str, tuple[float, str]]) -> go.Figure:
    figure = plot(x=title, y="")
    figure.add_trace(go.Bar(
        y=list(range(len(bars))), x=[value for value, _ in bars.values()], orientation="h", width=0.4,
        marker={"color": [each for _, each in bars.values()], "line": {"width": 0}},
        hovertemplate="%{x:.4f}<extra></extra>",
    ))  # fmt: skip
    label_rows(figure, [f"{name}: {value:.3f}" for name, (value, _) in bars.items()])
    figure.update_layout(showlegend=False)
    figure.update_xaxes(rangemode="tozero")
    return figure
