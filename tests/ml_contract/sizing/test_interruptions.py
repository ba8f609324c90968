"""Expected time of an interrupted run: Daly's equation, its limits, and what is refused."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.sizing.interruptions import InterruptedRun, expect


def run(**fields: float) -> InterruptedRun:
    given = {"work_seconds": 8 * 3600.0, "interval_seconds": 600.0, "per_hour": 0.1, **fields}
    return InterruptedRun(**given)


# Daly 2006, equation 20: M e^(R/M) (e^((tau + delta)/M) - 1) T_s / tau; his figure 3's run.
def test_it_is_daly_s_equation_where_training_stands_still_until_the_commit() -> None:
    mean, restart, stall, work, interval = 24 * 3600.0, 600.0, 300.0, 500 * 3600.0, 7200.0
    found = expect(run(work_seconds=work, interval_seconds=interval, stall_seconds=stall, restart_seconds=restart,
                       per_hour=3600 / mean)).held_seconds  # fmt: skip
    daly = mean * math.exp(restart / mean) * math.expm1((interval + stall) / mean) * work / interval
    first_start = mean * math.expm1(restart / mean)
    assert found == pytest.approx(daly + first_start)


def test_without_interruptions_it_is_the_sum_of_its_parts() -> None:
    found = expect(run(per_hour=0, stall_seconds=5, commit_seconds=60, restart_seconds=300))
    assert found.held_seconds == pytest.approx(300 + 8 * 3600 + 48 * 5 + 60)
    assert (found.interruptions, found.elapsed_seconds) == (0, found.held_seconds)


def test_a_rate_that_is_all_but_nothing_comes_to_the_same() -> None:
    assert expect(run(per_hour=1e-12)).held_seconds == pytest.approx(expect(run(per_hour=0)).held_seconds)


def test_waiting_for_capacity_takes_time_and_holds_nothing() -> None:
    without, waiting = expect(run()), expect(run(wait_seconds=900))
    assert waiting.held_seconds == without.held_seconds
    assert waiting.elapsed_seconds - without.elapsed_seconds == pytest.approx(900 * without.interruptions)


@settings(max_examples=40)
@given(st.floats(0, 5), st.floats(0.01, 1), st.floats(0, 60), st.floats(0, 120), st.floats(0, 600))
def test_more_interruptions_never_take_less(rate: float, more: float, stall: float, lag: float, start: float) -> None:
    times = {"stall_seconds": stall, "commit_seconds": lag, "restart_seconds": start}
    assert expect(run(per_hour=rate, **times)).held_seconds <= expect(run(per_hour=rate + more, **times)).held_seconds


def test_intervals_fill_the_run_and_none_is_longer() -> None:
    found = run(work_seconds=1000, interval_seconds=300)
    assert (found.saves, found.segment_seconds) == (4, 250)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"per_hour": -1}, "per_hour: got -1, but it must be between 0 and 3600"),
        ({"per_hour": math.nan}, "per_hour: got nan"),
        ({"work_seconds": 0}, "work_seconds: got 0"),
        ({"stall_seconds": -1}, "stall_seconds: got -1"),
        ({"commit_seconds": 700}, "interval_seconds: got 600.0, but a save begins when the one before is committed"),
        ({"per_hour": 120}, "interrupted 20 times in the time from a start to its first commit"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(ContractError) as caught:
        run(**fields)
    assert said in str(caught.value)
