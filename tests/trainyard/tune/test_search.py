"""Which settings win, on measurements that a test makes up."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.packaging import DynamicBatching
from trainyard.tune.search import REFERENCE, Rules, batchings, choose, placements, search
from trainyard.tune.settings import Settings

_RULES = Rules(rounds=1)


def _fake(settings: Settings) -> dict[int, float]:
    """Batching quadruples the load; each 100 µs of delay costs a lone request 30 %; a second copy gains 20 %."""
    delay = settings.batching.max_queue_delay_microseconds if settings.batching else 0
    lone = 1000 / (1 + 0.003 * delay)
    load = 1000.0 if settings.batching is None else 4000 + delay
    return {
        1: lone,
        8: load * (1.2 if settings.instances == 2 else 1),
        32: load * (1.2 if settings.instances == 2 else 1),
    }


def test_the_fastest_under_load_that_costs_a_lone_request_nothing_wins() -> None:
    """Every delay is out, though it is faster under load; then copies are tried with what is left."""
    found = search(_fake, 8, 2, _RULES)
    assert found.best.settings == Settings(batching=DynamicBatching(), instances=2)
    slow = [
        each
        for each in found.candidates
        if each.settings.batching and each.settings.batching.max_queue_delay_microseconds
    ]
    assert slow
    assert all("slower at concurrency 1" in each.rejected for each in slow)


def test_what_a_lone_request_loses_below_the_floor_is_nothing() -> None:
    """100 µs of delay make 1 ms 1.3: out by a floor of 100 µs, in by one of 400."""
    strict, lenient = search(_fake, 8, 1, _RULES), search(_fake, 8, 1, Rules(rounds=1, floor=400e-6))
    assert strict.best.settings.batching == DynamicBatching()
    out = {each.settings for each in strict.candidates if each.rejected} - {
        each.settings for each in lenient.candidates if each.rejected
    }
    assert {each.batching.max_queue_delay_microseconds for each in out if each.batching} == {100}


def test_within_the_margin_the_least_is_taken() -> None:
    """4 % more for a second copy is noise."""

    def measure(settings: Settings) -> dict[int, float]:
        return dict.fromkeys((1, 8, 32), 1040.0 if settings.instances > 1 else 1000.0)

    assert search(measure, 8, 2, _RULES).best.settings == REFERENCE


def test_a_machine_that_slows_down_hits_all_alike() -> None:
    """Each round is half as fast as the one before: ratios within a round stay."""
    slowdown = itertools.count()

    def measure(settings: Settings) -> dict[int, float]:
        # 7 candidates of the first round, then 3 of the second, for each repetition.
        speed = 0.5 ** (next(slowdown) // 7)
        return {level: rate * speed for level, rate in _fake(settings).items()}

    found = search(measure, 8, 1, Rules(rounds=3))
    assert found.best.settings == Settings(batching=DynamicBatching())
    assert found.best.lone == pytest.approx(1)


def test_a_model_without_batches_is_not_batched() -> None:
    """max_batch_size 0 or 1."""
    assert (batchings(0), batchings(1)) == ([None], [None])


@pytest.mark.parametrize(("processors", "expected"), [(1, {(1, 1)}), (2, {(1, 1), (1, 2), (2, 1)})])
def test_copies_and_threads_fit_the_processors(processors: int, expected: set[tuple[int, int]]) -> None:
    """Copies times threads."""
    assert set(placements(processors)) == expected


@given(st.data())
@pytest.mark.slow
def test_whatever_is_measured_the_choice_is_allowed_and_close_to_the_best(data: st.DataObject) -> None:
    """Never out, never worse than the margin allows, and the reference is always there to fall back to."""
    rates: dict[Settings, Mapping[int, float]] = {}

    def measure(settings: Settings) -> Mapping[int, float]:
        if settings not in rates:
            rates[settings] = {level: data.draw(st.floats(1, 1e4)) for level in (1, 8, 32)}
        return rates[settings]

    found = search(measure, 16, 2, _RULES)
    assert not found.best.rejected
    longer = 1 / rates[found.best.settings][1] - 1 / rates[REFERENCE][1]
    assert found.best.lone >= 1 - _RULES.margin or longer <= _RULES.floor
    allowed = [each.score for each in found.candidates if not each.rejected]
    assert found.best.score >= max(allowed) * (1 - _RULES.margin)
    assert choose(found.candidates, _RULES) == found.best


@pytest.mark.parametrize("bad", [{"levels": ()}, {"levels": (8, 1)}, {"rounds": 0}, {"margin": 1.0}, {"floor": -1.0}])
def test_rules_are_checked(bad: dict[str, object]) -> None:
    """By name."""
    with pytest.raises(ContractError, match=next(iter(bad))):
        Rules(**bad)
