"""Schedules keep their promises whatever the numbers; impossible ones are refused."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.training.optimization import AdamW, Constant, Cosine, Schedule, Wsd


@st.composite
def runs(draw: st.DrawFn) -> tuple[Schedule, int]:
    """A schedule and the steps of a run that it fits."""
    steps = draw(st.integers(2, 500))
    warmup = draw(st.integers(0, steps - 1))
    kind = draw(st.sampled_from(["constant", "cosine", "wsd"]))
    if kind == "constant":
        return Constant(warmup_steps=warmup), steps
    if kind == "cosine":
        return Cosine(warmup_steps=warmup, floor=draw(st.floats(0, 1))), steps
    decay = draw(st.integers(1, max(1, steps - warmup)))
    return Wsd(warmup_steps=warmup, decay_steps=decay, floor=draw(st.floats(0, 1))), steps


@given(runs())
def test_the_rate_rises_to_its_peak_and_never_again(given_run: tuple[Schedule, int]) -> None:
    schedule, steps = given_run
    factors = [schedule.factor(done, steps) for done in range(steps)]
    warm = factors[: schedule.warmup_steps]
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)
    assert warm == sorted(warm)
    after = factors[schedule.warmup_steps :]
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(after))


@given(runs())
def test_the_end_is_the_floor(given_run: tuple[Schedule, int]) -> None:
    schedule, steps = given_run
    if steps - schedule.warmup_steps > 1:
        assert schedule.factor(steps - 1, steps) == pytest.approx(getattr(schedule, "floor", 1.0))


def test_wsd_stays_at_the_peak_until_its_decay() -> None:
    schedule = Wsd(warmup_steps=10, decay_steps=20)
    assert [schedule.factor(done, 100) for done in (10, 50, 79)] == [1.0, 1.0, 1.0]
    assert schedule.factor(89, 100) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": 2.0}, "learning_rate"),
        ({"gradient_clip": float("nan")}, "gradient_clip"),
        ({"beta2": 1.5}, "beta2"),
        ({"weight_decay": -0.1}, "weight_decay"),
    ],
)
def test_an_impossible_optimiser_is_refused(change: dict[str, float], field: str) -> None:
    with pytest.raises(ContractError) as caught:
        dataclasses.replace(AdamW(learning_rate=1e-3), **change)
    assert caught.value.field == field
