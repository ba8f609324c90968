"""Intervals of steps: what Application Auto Scaling refuses is refused when they are written."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.serving.scaling import Step, StepScaling
from constructs_lib.serving.scaling.intervals import check_steps
from ml_contract.errors import ContractError

BOUNDS = st.lists(st.integers(-100, 100).map(float), min_size=2, max_size=8, unique=True).map(sorted)


def tiles(bounds: list[float]) -> list[Step]:
    """Intervals from bound to bound, open to both sides."""
    edges: list[float | None] = [None, *bounds, None]
    return [Step(lower=edges[i], upper=edges[i + 1], change=1) for i in range(len(edges) - 1)]


@given(bounds=BOUNDS, data=st.data())
def test_intervals_that_meet_are_taken_in_any_order(bounds: list[float], data: Any) -> None:
    check_steps(tuple(data.draw(st.permutations(tiles(bounds)))))


@given(bounds=BOUNDS, data=st.data())
def test_without_one_of_the_inner_intervals_there_is_a_gap(bounds: list[float], data: Any) -> None:
    steps = tiles(bounds)
    steps.pop(data.draw(st.integers(1, len(steps) - 2)))
    with pytest.raises(ContractError, match="no gap"):
        check_steps(tuple(steps))


@given(bounds=BOUNDS, data=st.data())
def test_an_interval_twice_overlaps(bounds: list[float], data: Any) -> None:
    steps = tiles(bounds)
    with pytest.raises(ContractError, match="overlap"):
        check_steps((*steps, data.draw(st.sampled_from(steps))))


@pytest.mark.parametrize(
    ("step", "refusal"),
    [
        ({"lower": 0.0, "upper": 10.0}, "must reach up without end"),
        ({"lower": -10.0, "upper": 0.0}, "must reach down without end"),
    ],
)
def test_the_last_interval_reaches_as_far_as_the_metric(step: dict[str, float], refusal: str) -> None:
    with pytest.raises(ContractError, match=refusal):
        check_steps((Step(change=1, **step),))


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [({"change": 1}, "at least one bound"), ({"lower": 5.0, "upper": 5.0, "change": 1}, "greater than lower, 5.0")],
)
def test_an_interval_holds_something(fields: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        Step(**fields)


def test_its_bounds_are_numbers() -> None:
    assert Step(lower=0, change=1).bounds == (0, math.inf)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"metric": "GpuUtilisation"}, "SageMaker publishes no such metric"),
        ({"steps": (Step(lower=0, change=-1),)}, "would remove capacity"),
        ({"when": "below", "steps": (Step(upper=0, change=1),)}, "would add capacity"),
        ({"least_change": 2}, "it only bounds percentages"),
        ({"adjustment": "ExactCapacity", "steps": (Step(lower=0, change=-2),)}, "an exact capacity is not negative"),
        ({"period_seconds": 45}, "period_seconds: got 45"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, Any], refusal: str) -> None:
    given: dict[str, Any] = {
        "name": "Burst", "metric": "CPUUtilization", "statistic": "Average", "threshold": 80, "when": "above",
        "steps": (Step(lower=0, change=1),),
    }  # fmt: skip
    with pytest.raises(ValueError, match=refusal):
        StepScaling(**{**given, **fields})


def test_a_statistic_that_says_nothing_of_the_metric_is_refused(scene: Any) -> None:
    rule = StepScaling(name="Burst", metric="ConcurrentRequestsPerModel", statistic="Average", threshold=8,
                       when="above", steps=(Step(lower=0, change=1),))  # fmt: skip
    with pytest.raises(ContractError, match="ConcurrentRequestsPerModel has Maximum, Minimum"):
        rule.check(scene.hosted())
