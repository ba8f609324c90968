"""The figures of each chapter, side by side."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_contract import metrics
from trainyard.report import moments
from trainyard.report.bill import projected, so_far
from trainyard.report.chapter import Chapter
from trainyard.report.time_spent import STEPS, spent

_NONE = "–"
_LOOKS = {"Succeeded": "good", "Failed": "bad", "Stopped": "bad"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What stands in one place of the table."""

    text: str
    look: str = ""
    """``good`` or ``bad``; empty for what is neither."""


def facts(chapters: Sequence[Chapter], now: datetime) -> list[tuple[str, list[Cell]]]:
    """Names of figures and their values, one a chapter; figures that no chapter has are left out."""
    rows: list[tuple[str, Callable[[Chapter], str]]] = [
        ("pipeline", lambda chapter: chapter.execution.pipeline),
        ("started", lambda chapter: moments.day(chapter.execution.started)),
        ("took", lambda chapter: _took(chapter, now)),
        ("instances", _instances),
        ("starts of the job", lambda chapter: str(chapter.run.attempts) if chapter.run else _NONE),
        ("interruptions", lambda chapter: str(len(chapter.run.interruptions())) if chapter.run else _NONE),
        ("resumed from", _resumed),
        ("commits", lambda chapter: str(len(chapter.run.commits())) if chapter.run else _NONE),
        ("steps", _steps),
        ("last loss", lambda chapter: _number(chapter.last(metrics.LOSS), "{:.4f} " + metrics.LOSS.unit)),
        *_headlines(chapters),
        ("tokens a second, median", _tokens),
        ("MFU, last", lambda chapter: _number(chapter.last(metrics.MFU), "{:.1%}")),
        ("goodput, as the run reports it", lambda chapter: _number(chapter.last(metrics.GOODPUT), "{:.1%}")),
        ("time in steps that count", lambda chapter: _share(chapter, now)),
        ("alarms that fired", lambda chapter: str(len(chapter.alarms))),
        ("cost so far", lambda chapter: str(so_far(chapter.bill)) if chapter.bill else _NONE),
        ("cost at the end, projected",
         lambda chapter: _NONE if not chapter.running or not chapter.bill else str(projected(chapter.bill))),
        ("model package", lambda chapter: (chapter.package or _NONE).rpartition(":model-package/")[2]),
    ]  # fmt: skip
    found = [("status", [Cell(text=each.execution.status, look=_LOOKS.get(each.execution.status, ""))
                         for each in chapters])]  # fmt: skip
    for name, read in rows:
        cells = [Cell(text=read(chapter)) for chapter in chapters]
        if any(cell.text != _NONE for cell in cells):
            found.append((name, cells))
    return found


def _headlines(chapters: Sequence[Chapter]) -> Iterator[tuple[str, Callable[[Chapter], str]]]:
    """One row for each figure that some evaluation shows first."""
    names = dict.fromkeys(chapter.headline.figure for chapter in chapters if chapter.headline)

    def read(name: str) -> Callable[[Chapter], str]:
        return lambda chapter: _number(chapter.evaluation.get(name), "{:.3f}")

    for name in names:
        yield f"{name.replace('_', ' ')}, held-out", read(name)


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else form.format(value)


def _took(chapter: Chapter, now: datetime) -> str:
    execution = chapter.execution
    if not chapter.running:
        return f"{execution.seconds:,.0f} s"
    return f"{(now - execution.started).total_seconds():,.0f} s so far"


def _instances(chapter: Chapter) -> str:
    resources = chapter.run.document.get("ResourceConfig") if chapter.run else None
    if not resources:
        return _NONE
    groups = resources.get("InstanceGroups") or [resources]
    spot = " spot" if chapter.run and chapter.run.document.get("EnableManagedSpotTraining") else ""
    return ", ".join(f"{group['InstanceCount']} × {group['InstanceType']}" for group in groups) + spot


def _resumed(chapter: Chapter) -> str:
    steps = chapter.run.resumed_from() if chapter.run else []
    return ", ".join(f"step {step}" for step in steps) or _NONE


def _steps(chapter: Chapter) -> str:
    seen = chapter.run.series(metrics.LOSS) if chapter.run else []
    if not seen or chapter.run is None:
        return _NONE
    wanted = chapter.run.hyperparameters.get("steps")
    return f"{seen[-1].step:,}" + (f" of {int(wanted):,}" if wanted and wanted.isdigit() else "")


def _tokens(chapter: Chapter) -> str:
    seen = chapter.run.series(metrics.TOKENS_PER_SECOND) if chapter.run else []
    return f"{statistics.median(each.values[metrics.TOKENS_PER_SECOND] for each in seen):,.0f}" if seen else _NONE


def _share(chapter: Chapter, now: datetime) -> str:
    found = spent(chapter, now)
    return f"{found.get(STEPS, 0.0) / sum(found.values()):.1%}" if found else _NONE
