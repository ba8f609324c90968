"""When scheduled actions are due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.scaling import documents as of
from trainyard.scaling.cron import Cron
from trainyard.scaling.schedule import read_action


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "time", "is_due"),
    [
        ("0 8 * * ? *", "2026-11-21T08:00", True),
        ("0 8 * * ? *", "2026-11-21T08:01", False),
        ("0/15 * ? * MON-FRI *", "2026-11-20T10:45", True),
        ("0/15 * ? * MON-FRI *", "2026-11-21T10:45", False),
        ("0 0 L * ? *", "2026-02-28T00:00", True),
        ("0 0 LW * ? *", "2026-02-27T00:00", True),
        ("0 0 1W * ? *", "2026-11-02T00:00", True),
        ("0 0 ? * 6#3 *", "2026-11-20T00:00", True),
        ("0 0 ? * 6#3 *", "2026-11-13T00:00", False),
        ("0 0 ? * 6L *", "2026-11-27T00:00", True),
        ("0 9,17 * JAN,NOV ? 2026", "2026-11-21T17:00", True),
    ],
)
def test_cron(expression: str, time: str, is_due: bool) -> None:
    """AWS's wildcards."""
    assert Cron(tuple(expression.split())).matches(datetime.fromisoformat(time)) is is_due


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 8 * * *)", "cron(0 8 * * * *)", "cron(60 8 * * ? *)", "cron(0 8 ? * 6#9 *)", "cron(x 8 * * ? *)",
        "rate(0 minutes)", "rate(5 weeks)", "at(2026-11-21)", "daily",
    ],
)  # fmt: skip
def test_a_schedule_that_aws_would_not_take_is_refused(schedule: str) -> None:
    """With the field's name."""
    with pytest.raises(ContractError, match="Schedule"):
        read_action(of.action(schedule, low=1))


def test_an_unknown_time_zone_is_refused() -> None:
    """IANA's names."""
    with pytest.raises(ContractError, match="Timezone"):
        read_action(of.action("cron(0 8 * * ? *)", low=1, Timezone="Mars/Olympus"))


def test_a_time_zone_moves_cron_and_follows_the_clocks() -> None:
    """8 o'clock in Berlin is 7 UTC in winter and 6 in summer."""
    action = read_action(of.action("cron(0 8 * * ? *)", low=1, Timezone="Europe/Berlin"))
    winter, summer = _at("2026-11-21T00:00"), _at("2026-07-21T00:00")
    assert action.due(winter, winter + 86399) == winter + 7 * 3600
    assert action.due(summer, summer + 86399) == summer + 6 * 3600


def test_a_rate_counts_from_its_start() -> None:
    """And never before it."""
    action = read_action(of.action("rate(2 hours)", low=1, StartTime=1000.0, EndTime=20000.0))
    assert [action.due(*span) for span in ((0, 999), (0, 1000), (1000, 8199), (1000, 8200), (20000, 90000))] == [
        None, 1000.0, None, 8200.0, None,
    ]  # fmt: skip


def test_what_was_done_is_not_done_again() -> None:
    """The time itself belongs to the look that ends with it."""
    action, time = read_action(of.action("at(2026-11-21T08:00:00)", low=1)), _at("2026-11-21T08:00")
    assert (action.due(time - 60, time), action.due(time, time + 60)) == (time, None)
