"""Where the time of a training job went."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime

from ml_contract import metrics
from trainyard.report.chapter import Chapter
from trainyard.report.timeline import DOWNLOADING, TRAINING, UPLOADING, WAITING, job_phases

STEPS = "steps that count"
AGAIN = "steps done again"
STALLS = "waiting for checkpoints"
BEGINNING = "from the container's start to its first step"
REST = "after the last step"
MOVING = "downloading and uploading"
ORDER = (STEPS, AGAIN, STALLS, BEGINNING, REST, WAITING, MOVING)


def spent(chapter: Chapter, now: datetime) -> Mapping[str, float]:
    """Seconds by what they were spent on, in the order above; empty where the job or its log tells nothing.

    A step counts when no later start of the job does it again. The log has the time of a step's end alone, so the
    first reported step of a start counts with what comes before it.
    """
    if chapter.run is None or not chapter.run.series(metrics.LOSS):
        return {}
    found = dict.fromkeys(ORDER, 0.0)
    trained = []
    for phase in job_phases(chapter, now):
        if phase.kind == TRAINING:
            trained.append(phase)
        else:
            found[MOVING if phase.kind in (DOWNLOADING, UPLOADING) else phase.kind] += (
                phase.end - phase.start
            ).total_seconds()
    seen = chapter.run.series(metrics.LOSS)
    for phase in trained:
        here = [each for each in seen if phase.start <= each.time <= phase.end]
        if not here:
            found[REST] += (phase.end - phase.start).total_seconds()
            continue
        found[BEGINNING] += (here[0].time - phase.start).total_seconds()
        found[REST] += (phase.end - here[-1].time).total_seconds()
        later = [each.step for each in seen if each.time > phase.end]
        kept = min(later, default=here[-1].step + 1)
        for before, after in itertools.pairwise(here):
            found[STEPS if after.step < kept else AGAIN] += (after.time - before.time).total_seconds()
    stalled = sum(each.values[metrics.CHECKPOINT_STALL_SECONDS]
                  for each in chapter.run.series(metrics.CHECKPOINT_STALL_SECONDS))  # fmt: skip
    # A stall lies between two steps, whose time has it already.
    found[STALLS] = min(stalled, found[STEPS])
    found[STEPS] -= found[STALLS]
    return {what: seconds for what, seconds in found.items() if seconds > 0}
