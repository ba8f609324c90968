"""The ratio of step times beside a save to those before it."""

from __future__ import annotations

import pytest

from training_code.dip import WINDOW, Dip


def ratios(steps: list[tuple[float, bool]]) -> list[float]:
    dip = Dip()
    return [ratio for seconds, beside in steps if (ratio := dip.step(seconds, beside=beside)) is not None]


def test_one_ratio_a_save_at_the_first_step_after_it() -> None:
    calm, slow = [(2.0, False)] * 3, [(3.0, True), (5.0, True)]
    dip = Dip()
    found = [dip.step(*step[:1], beside=step[1]) for step in [*calm, *slow, (2.0, False), (2.0, False)]]
    assert found == [None, None, None, None, None, 2.0, None]


def test_each_save_is_compared_with_the_steps_before_it() -> None:
    calm = [(1.0, False)] * WINDOW
    later = [(2.0, False)] * WINDOW
    assert ratios([*calm, (2.0, True), *later, (2.0, True), (2.0, False)]) == [2.0, 1.0]


def test_one_slow_step_before_is_no_measure() -> None:
    """Guards against a first step that compiles, whose time would make every save look free."""
    assert ratios([(60.0, False), (1.0, False), (1.0, False), (1.5, True), (1.0, False)]) == [1.5]


@pytest.mark.parametrize("steps", [[(1.0, True)] * 3 + [(1.0, False)], [(1.0, False)] * 5])
def test_without_steps_before_or_beside_there_is_no_ratio(steps: list[tuple[float, bool]]) -> None:
    assert ratios(steps) == []
