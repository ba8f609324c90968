"""What a budget's period is, what it counts, and what it expects."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.budgets.periods import FORECAST_DAYS, TIME_UNITS, counted, forecast, period
from trainyard.local.budgets.spend import Charge

DAY = 86400.0
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC).timestamp()


def day(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def charge(usd: float, moment: float) -> Charge:
    return Charge(arn="arn", tags={}, item="ml.m5.large/training", time=moment, seconds=1, usd=usd)


@pytest.mark.parametrize(
    ("unit", "begin", "end"),
    [
        ("DAILY", "2026-11-22", "2026-11-23"),
        ("MONTHLY", "2026-11-01", "2026-12-01"),
        ("QUARTERLY", "2026-10-01", "2027-01-01"),
        ("ANNUALLY", "2026-01-01", "2027-01-01"),
    ],
)
def test_periods_are_calendar_periods(unit: str, begin: str, end: str) -> None:
    assert period(unit, NOW) == (day(begin), day(end))


@given(st.sampled_from(TIME_UNITS), st.floats(0, 4e9))
def test_every_moment_lies_in_its_period_and_periods_touch(unit: str, moment: float) -> None:
    begin, end = period(unit, moment)
    assert begin <= moment < end
    assert period(unit, end)[0] == end


@pytest.mark.parametrize("unit", TIME_UNITS)
def test_the_last_moment_before_a_period_is_of_the_one_before(unit: str) -> None:
    end = day("2027-01-01")
    assert period(unit, math.nextafter(end, 0))[1] == end


def test_nothing_is_forecast_before_five_weeks_of_use() -> None:
    assert forecast([charge(5, NOW - (FORECAST_DAYS - 1) * DAY)], "MONTHLY", NOW) is None


def test_the_rate_of_the_last_weeks_goes_on_to_the_end_of_the_month() -> None:
    charges = [charge(1, NOW - days * DAY) for days in range(FORECAST_DAYS + 1)]
    # 22 days of November so far, 8.625 to come, a dollar each.
    assert forecast(charges, "MONTHLY", NOW) == pytest.approx(22 + 8.625)


@pytest.mark.parametrize(
    ("tags", "filters", "counts"),
    [
        ({}, [], True),
        ({"environment": "dev"}, ["user:environment$dev"], True),
        ({"environment": "prod"}, ["user:environment$dev"], False),
        ({}, ["user:environment$dev"], False),
        # Values are alternatives, of different tags too.
        ({"environment": "prod", "team": "a"}, ["user:environment$dev", "user:team$a"], True),
    ],
)
def test_a_filter_counts_what_has_any_of_its_values(tags: dict, filters: list, counts: bool) -> None:
    assert counted(tags, {"TagKeyValue": filters} if filters else {}) is counts
