"""The time of alarms: it runs faster for a while, and what has passed has passed."""

from __future__ import annotations

import time

import pytest

from trainyard.local.hooks.alarm_clock import Clock


class Now:
    seconds = 1000.0


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    found = Now()
    monkeypatch.setattr(time, "time", lambda: found.seconds)
    return found


def test_a_minute_is_what_it_is_given_for(now: Now) -> None:
    assert Clock(60.0).between(900.0, 1000.0) == 100.0
    assert Clock(6.0).between(990.0, 1000.0) == 100.0


def test_what_became_old_while_minutes_were_short_is_old_afterwards(now: Now) -> None:
    clock = Clock(60.0)
    clock.run(1.0, 900.0)
    now.seconds += 10
    clock.run(0.0, 0.0)
    now.seconds += 5
    assert clock.between(1000.0, 1015.0) == 10 * 60 + 5
    assert clock.between(995.0, 1015.0) == 5 + 10 * 60 + 5
    assert clock.between(1010.0, 1015.0) == 5


def test_the_usual_minute_comes_back_when_its_time_is_over(now: Now) -> None:
    clock = Clock(60.0)
    clock.run(1.0, 30.0)
    now.seconds += 29
    clock.end_lease()
    assert clock.minute_seconds == 1.0
    now.seconds += 1
    clock.end_lease()
    assert clock.minute_seconds == 60.0
