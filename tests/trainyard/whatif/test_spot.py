"""Spot: the closed formula against runs that are played, the break-even rate, deadlines."""

import statistics
from dataclasses import replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.sizing.interruptions import InterruptedRun, expect
from trainyard.whatif import spot
from trainyard.whatif.price import given as priced
from trainyard.whatif.spot_simulation import quantile, simulate

RUN = InterruptedRun(work_seconds=8 * 3600, interval_seconds=420, stall_seconds=5, commit_seconds=60,
                     restart_seconds=300, wait_seconds=600, per_hour=0.4)  # fmt: skip
PLAYED = 1000


def question(**fields: object) -> spot.Spot:
    given = {"run": RUN, "instances": 4, "runs": 500, "on_demand": priced(32.77, "--price", what="on demand"),
             "spot": priced(9.83, "--spot-price", what="spot"), **fields}  # fmt: skip
    return spot.Spot(**given)


RUNS = st.builds(
    InterruptedRun,
    work_seconds=st.floats(600, 8 * 3600),
    interval_seconds=st.floats(300, 3600),
    stall_seconds=st.floats(0, 30),
    commit_seconds=st.floats(0, 120),
    restart_seconds=st.floats(0, 600),
    wait_seconds=st.floats(0, 1200),
    per_hour=st.floats(0.05, 1.5),
).filter(lambda run: expect(run).interruptions * PLAYED > 50)  # Of fewer, the spread among them says little.


# Five standard errors and 2 %: one run of the test in ten thousand would fail by chance. Without shrinking, which would
# play a million runs to tell a simpler failure.
@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
@given(RUNS, st.integers(0, 2**32))
def test_the_formula_is_the_mean_of_runs_that_are_played(run: InterruptedRun, seed: int) -> None:
    mean, found = expect(run), simulate(run, runs=PLAYED, seed=seed)
    for expected, values in (
        (mean.held_seconds, [each.held_seconds for each in found.outcomes]),
        (mean.elapsed_seconds, [each.elapsed_seconds for each in found.outcomes]),
        (mean.interruptions, [float(each.interruptions) for each in found.outcomes]),
    ):
        error = statistics.stdev(values) / PLAYED**0.5
        assert statistics.fmean(values) == pytest.approx(expected, abs=5 * error + 0.02 * expected)


@pytest.mark.slow
def test_ten_thousand_runs_come_to_half_a_percent() -> None:
    found = simulate(RUN, runs=10_000, seed=7)
    assert statistics.fmean(found.held) == pytest.approx(expect(RUN).held_seconds, rel=0.005)
    assert statistics.fmean(found.elapsed) == pytest.approx(expect(RUN).elapsed_seconds, rel=0.005)
    assert found.interruptions == pytest.approx(expect(RUN).interruptions, rel=0.02)


def test_the_same_seed_plays_the_same_runs() -> None:
    assert simulate(RUN, runs=50, seed=3) == simulate(RUN, runs=50, seed=3)
    assert simulate(RUN, runs=50, seed=3) != simulate(RUN, runs=50, seed=4)


def test_at_the_break_even_rate_both_cost_the_same() -> None:
    it = question()
    rate = spot.break_even(it)
    assert rate is not None
    both = (it.cost(expect(replace(RUN, per_hour=rate)).held_seconds, it.spot),
            it.cost(it.undisturbed.undisturbed_seconds, it.on_demand))  # fmt: skip
    assert both[0] == pytest.approx(both[1], rel=1e-6)


def test_spot_that_is_no_cheaper_bears_no_interruption() -> None:
    assert spot.break_even(question(spot=priced(40, "--spot-price", what="spot"))) == 0


def test_the_interval_that_is_proposed_costs_least() -> None:
    best = spot.best_interval(RUN)
    assert best is not None
    cost = {factor: expect(replace(RUN, interval_seconds=best * factor)).held_seconds for factor in (0.5, 1, 2)}
    assert cost[1] == min(cost.values())


def test_who_is_late_is_counted() -> None:
    found = simulate(RUN, runs=400, seed=1)
    late = quantile(found.elapsed, 0.9)
    assert found.within(late) == pytest.approx(0.9, abs=0.01)
    assert spot.answer(question(deadline_seconds=24 * 3600)).data["simulated"]["within_deadline"] > 0.99


def test_a_deadline_shorter_than_the_run_is_refused() -> None:
    with pytest.raises(ContractError, match=r"within: got '6.00 h', but the run takes 8.20 h without any"):
        question(deadline_seconds=6 * 3600)


def test_more_interruptions_than_anybody_waits_for_are_refused() -> None:
    busy = InterruptedRun(work_seconds=1e7, interval_seconds=60, per_hour=60)
    with pytest.raises(ContractError, match=r"runs: got 5000, but they are interrupted about"):
        simulate(busy, runs=5000)
