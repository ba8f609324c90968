"""Step adjustments: intervals, kinds, rounding."""

from __future__ import annotations

import pytest

from ml_contract.errors import ContractError
from tests.trainyard.scaling import documents as of
from trainyard.scaling.alarms import read_alarm
from trainyard.scaling.steps import StepScaling, read_steps


def _policy(*adjustments: tuple[float | None, float | None, int], low: bool = False, **more: object) -> StepScaling:
    comparison = {"ComparisonOperator": "LessThanOrEqualToThreshold"} if low else {}
    alarm = read_alarm(of.alarm(threshold=50, **comparison))
    return read_steps("P", of.steps("P", *adjustments, **more)["StepScalingPolicyConfiguration"], [alarm])


@pytest.mark.parametrize(("value", "wanted"), [(49, None), (50, 11), (59, 11), (60, 13), (70, 13), (1e9, 13)])
def test_a_lower_bound_above_the_threshold_is_inclusive(value: float, wanted: int | None) -> None:
    """Steps [0, 10) and [10, ∞) over a threshold of 50."""
    policy = _policy((0, 10, 1), (10, None, 3))
    assert policy.wanted(policy.alarms[0], (value,), 10) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(51, None), (50, 9), (41, 9), (40, 7), (0, 7)])
def test_an_upper_bound_below_the_threshold_is_inclusive(value: float, wanted: int | None) -> None:
    """Steps (-10, 0] and (-∞, -10] under a threshold of 50."""
    policy = _policy((-10, 0, -1), (None, -10, -3), low=True)
    assert policy.wanted(policy.alarms[0], (value,), 10) == wanted


@pytest.mark.parametrize(
    ("by", "capacity", "wanted"), [(25, 4, 5), (25, 51, 63), (5, 4, 5), (-5, 4, 3), (-25, 51, 39), (0, 4, 4)]
)
def test_percentages_are_rounded_as_aws_does(by: int, capacity: int, wanted: int) -> None:
    """12.75 to 12, 0.2 to 1, -0.2 to -1, -12.75 to -12."""
    policy = _policy((0, None, by), AdjustmentType="PercentChangeInCapacity")
    assert policy.wanted(policy.alarms[0], (60,), capacity) == wanted


def test_a_percentage_changes_by_the_least_magnitude() -> None:
    """25 % of 4 is 1, but at least 2."""
    policy = _policy((0, None, 25), AdjustmentType="PercentChangeInCapacity", MinAdjustmentMagnitude=2)
    assert policy.wanted(policy.alarms[0], (60,), 4) == 6


def test_exact_capacity_is_what_it_says() -> None:
    """From whatever there is."""
    policy = _policy((0, None, 3), AdjustmentType="ExactCapacity")
    assert policy.wanted(policy.alarms[0], (60,), 8) == 3


def test_steps_that_overlap_are_refused() -> None:
    """Two answers for one value."""
    with pytest.raises(ContractError, match="StepAdjustments"):
        _policy((0, 10, 1), (5, None, 3))


def test_an_alarm_wants_its_datapoints() -> None:
    """2 of the newest 3; a missing one counts as the alarm says."""
    three = {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}
    alarm = read_alarm(of.alarm(threshold=5, **three))
    assert [alarm.rings(points) for points in ((9, 1, 9), (9, 1, 1), (9, 9, 1, 1), (9, None, 1))] == [
        True,
        False,
        False,
        False,
    ]
    assert read_alarm(of.alarm(threshold=5, TreatMissingData="breaching", **three)).rings((9, None, 1))
