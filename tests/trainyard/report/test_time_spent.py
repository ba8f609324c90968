"""Where the time of a job went, against the scenes' own clock."""

from __future__ import annotations

import dataclasses

import pytest

from tests.trainyard.report import scenes
from trainyard.report.time_spent import AGAIN, BEGINNING, MOVING, REST, STALLS, STEPS, WAITING, spent


def test_an_undisturbed_job_does_no_step_again() -> None:
    """A second a step; ten seconds to the first, with the first; three after the last commit began."""
    chapter = scenes.chapter("quiet1", scenes.run())
    stalls = 0.1 * scenes.STEPS / scenes.COMMITS
    assert spent(chapter, scenes.at(900)) == pytest.approx({
        STEPS: scenes.STEPS - 1 - stalls, STALLS: stalls, BEGINNING: 11, REST: 3.1, WAITING: 5, MOVING: 10,
    })  # fmt: skip


def test_steps_since_the_last_commit_are_done_again_once() -> None:
    """The hosts are lost at step 120, and the job resumes at step 115."""
    chapter = scenes.chapter("lost1", scenes.run(interrupted=True))
    found = spent(chapter, scenes.at(900))
    assert found[AGAIN] == scenes.LOST - 115 + 1
    # 1 to 114 before, 115 to 200 after; the first of each start has no step before it.
    assert found[STEPS] + found[STALLS] == pytest.approx((114 - 1) + (200 - 115))


def test_nothing_is_lost_or_counted_twice() -> None:
    """The parts are the time from the job's creation to its end, but for the wait that the scene leaves out."""
    chapter = scenes.chapter("lost1", scenes.run(interrupted=True))
    assert chapter.run is not None
    whole = sum((each["EndTime"] - each["StartTime"]).total_seconds() for each in chapter.run.transitions)
    assert sum(spent(chapter, scenes.at(900)).values()) == pytest.approx(whole)


def test_without_a_log_nothing_is_told() -> None:
    chapter = scenes.chapter("quiet1", scenes.run())
    assert chapter.run is not None
    silent = dataclasses.replace(chapter, run=dataclasses.replace(chapter.run, observations=()))
    assert spent(silent, scenes.at(900)) == {}
