"""What happened when: steps, phases of the training job, commits, interruptions, alarms; on one clock a chapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ml_contract import metrics
from trainyard.operations.executions import Step
from trainyard.report.chapter import Chapter

WAITING = "waiting for instances"
DOWNLOADING = "downloading"
TRAINING = "training"
UPLOADING = "uploading"
OTHER = "other steps"
ALARM = "alarm"
_KINDS = {
    "Starting": WAITING, "Pending": WAITING, "LaunchingMLInstances": WAITING, "PreparingTrainingStack": WAITING,
    "Interrupted": WAITING, "Restarting": WAITING, "DownloadingTrainingImage": DOWNLOADING, "Downloading": DOWNLOADING,
    "Training": TRAINING, "Uploading": UPLOADING,
}  # fmt: skip
"""SecondaryStatus (DescribeTrainingJob, SageMaker API reference, read 2026-11-22) → what it is to a reader."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of time."""

    kind: str
    start: datetime
    end: datetime
    words: str
    """What stands beside it, shown when it is pointed at."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment."""

    kind: str
    """``commit``, ``interruption`` or ``resumed``."""
    time: datetime
    words: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """What stands on one line."""

    label: str
    phases: tuple[Phase, ...]
    marks: tuple[Mark, ...] = ()


def rows(chapter: Chapter, now: datetime) -> list[Row]:
    """The lines of a chapter: its steps in order, then alarms that fired meanwhile.

    Args:
        chapter: The execution.
        now: End of what has not ended.
    """
    end = now if chapter.running else chapter.execution.updated
    found = [_step(chapter, step, end) for step in chapter.execution.steps if step.started is not None]
    for alarm in chapter.alarms:
        severity = f", {alarm.symptom.severity}" if alarm.symptom else ""
        phases = tuple(
            Phase(kind=ALARM, start=start, end=min(stop or end, end), words=f"{alarm.name}{severity}")
            for start, stop in alarm.spans
            if start < end
        )
        if phases:
            found.append(Row(label=f"alarm {_short(alarm.name)}", phases=phases))
    return found


def _step(chapter: Chapter, step: Step, now: datetime) -> Row:
    assert step.started is not None
    end = step.ended or now
    took = _took((end - step.started).total_seconds())
    label = f"{step.name}, {took}" if step.ended else f"{step.name}, {took} so far"
    if step.status not in ("Succeeded", "Executing"):
        label += f", {step.status.lower()}"
    if not step.is_training or chapter.run is None or not chapter.run.transitions:
        phase = Phase(kind=OTHER, start=step.started, end=end, words=f"{step.name}: {took}")
        return Row(label=label, phases=(phase,))
    return Row(label=label, phases=tuple(job_phases(chapter, end)), marks=tuple(_marks(chapter)))


def job_phases(chapter: Chapter, now: datetime) -> Iterator[Phase]:
    """Phases of the training job; one without an end goes on until ``now``."""
    assert chapter.run is not None
    for entry in chapter.run.transitions:
        kind = _KINDS.get(entry["Status"])
        if kind is not None:
            end = entry.get("EndTime") or now
            words = f"{entry['Status']}: {_took((end - entry['StartTime']).total_seconds())}"
            yield Phase(kind=kind, start=entry["StartTime"], end=end, words=words)


def _marks(chapter: Chapter) -> Iterator[Mark]:
    assert chapter.run is not None
    for seen in chapter.run.commits():
        yield Mark(kind="commit", time=seen.time, words=f"commit of step {seen.values[metrics.CHECKPOINT_STEP]:.0f}")
    for moment in chapter.run.interruptions():
        yield Mark(kind="interruption", time=moment, words="interruption: the instances were taken away")
    for seen in chapter.run.series(metrics.RESTORED_STEP):
        words = f"resumed from the commit at step {seen.values[metrics.RESTORED_STEP]:.0f}"
        yield Mark(kind="resumed", time=seen.time, words=words)


def _short(name: str) -> str:
    """An alarm's name without what all of an environment have in common."""
    return "-".join(name.split("-")[2:]) if name.startswith("trainyard-") else name


def _took(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
