"""When interruptions are more than was planned for: the threshold against the distribution that it is taken from."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.operation import SpotRate
from constructs_lib.values import InvalidValue


def at_least(count: int, mean: float) -> float:
    """Probability of so many events and more."""
    return 1 - sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(count))


@given(st.floats(0.001, 10), st.integers(1, 24), st.floats(0.001, 0.49))
def test_the_threshold_is_the_smallest_that_is_seldom_reached_by_itself(rate: float, hours: int, share: float) -> None:
    wanted = SpotRate(per_hour=rate, window_hours=hours, false_alarms=share)
    assert at_least(wanted.least, rate * hours) <= share + 1e-9
    assert wanted.least == 1 or at_least(wanted.least - 1, rate * hours) > share - 1e-9


def test_one_interruption_is_no_storm_where_one_in_ten_hours_is_planned() -> None:
    assert SpotRate(per_hour=0.1).least == 2
    assert SpotRate(per_hour=0.2).least == 3


WRONG: list[dict[str, float]] = [
    {}, {"per_hour": 0.0}, {"per_hour": -1.0}, {"per_hour": 61.0}, {"per_hour": 0.1, "window_hours": 25},
    {"per_hour": 0.1, "false_alarms": 0.5},
]  # fmt: skip


@pytest.mark.parametrize("fields", WRONG)
def test_a_rate_is_given_and_in_range(fields: dict[str, float]) -> None:
    with pytest.raises(InvalidValue, match=r"^SpotRate\."):
        SpotRate(**fields)
