"""Decisions over many minutes: limits, cooldowns, several policies, state that goes to JSON and back."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainyard.scaling import documents as of
from trainyard.scaling.scaler import Scaler, read_scaler
from trainyard.scaling.state import Activity, State

_VALUES = st.one_of(st.none(), st.floats(0, 1000))


def _play(
    scaler: Scaler, state: State, minutes: Iterable[dict[str, float | None]], takes: int = 0
) -> tuple[State, list[Activity]]:
    """A minute a dictionary; an activity completes ``takes`` minutes after it began."""
    found: list[Activity] = []
    for metrics in minutes:
        now = state.seen + 60
        if state.ongoing is not None and now >= state.ongoing.time + takes * 60:
            state = scaler.complete(state, now)
        state, activity = scaler.observe(state, now, metrics)
        found += [activity] if activity else []
    return state, found


def _minutes(value: float | None, count: int, key: str = "Invocations") -> list[dict[str, float | None]]:
    return [{key: value}] * count


def test_three_minutes_above_the_target_scale_out_in_proportion() -> None:
    """250 a minute on 2 instances at a target of 100 is work for 5."""
    scaler = read_scaler(of.target(), [of.tracking()])
    _, activities = _play(scaler, scaler.begin(2, 0.0), _minutes(250, 3))
    assert [(each.time, each.before, each.after) for each in activities] == [(180.0, 2, 5)]


def test_two_minutes_above_the_target_do_not() -> None:
    """An alarm of 3 datapoints."""
    scaler = read_scaler(of.target(), [of.tracking()])
    assert _play(scaler, scaler.begin(2, 0.0), [*_minutes(250, 2), *_minutes(50, 1), *_minutes(250, 2)])[1] == []


def test_a_quarter_of_an_hour_below_nine_tenths_scales_in() -> None:
    """To what the highest of the 15 datapoints needs."""
    scaler = read_scaler(of.target(), [of.tracking()])
    _, activities = _play(scaler, scaler.begin(10, 0.0), [*_minutes(31, 1), *_minutes(10, 14)])
    assert [(each.time, each.after) for each in activities] == [(900.0, 4)]


def test_between_nine_tenths_and_the_target_nothing_happens() -> None:
    """The band in which AWS leaves capacity alone."""
    scaler = read_scaler(of.target(), [of.tracking()])
    assert _play(scaler, scaler.begin(5, 0.0), [*_minutes(90, 30), *_minutes(100, 30)])[1] == []


def test_missing_datapoints_change_nothing() -> None:
    """Insufficient data."""
    scaler = read_scaler(of.target(), [of.tracking()])
    assert _play(scaler, scaler.begin(5, 0.0), _minutes(None, 60))[1] == []


def test_scale_in_may_be_disabled() -> None:
    """DisableScaleIn."""
    scaler = read_scaler(of.target(), [of.tracking(DisableScaleIn=True)])
    assert _play(scaler, scaler.begin(5, 0.0), _minutes(1, 60))[1] == []


def test_one_policy_that_does_not_agree_blocks_scale_in() -> None:
    """Memory is between its bounds, so invocations alone scale nothing in."""
    scaler = read_scaler(of.target(), [of.tracking("A"), of.tracking("B")])
    both = [{"A": 1.0, "B": 95.0}] * 60
    assert _play(scaler, scaler.begin(5, 0.0), both)[1] == []
    _, activities = _play(scaler, scaler.begin(5, 0.0), [{"A": 1.0, "B": 55.0}] * 15)
    assert activities[0].after == 3, "the larger of the two"


def test_the_largest_policy_scales_out() -> None:
    """A asks for 4, B for 6."""
    scaler = read_scaler(of.target(), [of.tracking("A"), of.tracking("B")])
    _, activities = _play(scaler, scaler.begin(2, 0.0), [{"A": 200.0, "B": 300.0}] * 3)
    assert (activities[0].after, activities[0].source) == (6, "B")


def test_in_the_cooldown_of_a_scale_out_only_a_larger_one_goes_on() -> None:
    """2 to 4 instances; 200 a minute asks for the same 4 again, 300 for 6, reckoned from 2."""
    scaler = read_scaler(of.target(), [of.tracking(ScaleOutCooldown=600)])
    state, _ = _play(scaler, scaler.begin(2, 0.0), _minutes(200, 3))
    state, same = _play(scaler, state, _minutes(200, 5))
    _, larger = _play(scaler, state, _minutes(300, 1))
    assert (same, [each.after for each in larger]) == ([], [6])


def test_a_scale_out_ends_the_cooldown_of_a_scale_in() -> None:
    """Availability comes first."""
    scaler = read_scaler(of.target(), [of.tracking(ScaleInCooldown=3600)])
    state, _ = _play(scaler, scaler.begin(10, 0.0), _minutes(20, 15))
    _, activities = _play(scaler, state, _minutes(300, 4))
    assert [(each.before, each.after) for each in activities] == [(2, 6)]


def test_nothing_begins_while_an_activity_is_under_way() -> None:
    """SageMaker is still updating the endpoint."""
    scaler = read_scaler(of.target(), [of.tracking(ScaleOutCooldown=0)])
    _, activities = _play(scaler, scaler.begin(1, 0.0), _minutes(500, 9), takes=7)
    assert len(activities) == 1


def test_target_tracking_cannot_leave_zero_and_a_step_policy_can() -> None:
    """Proportion of nothing is nothing: why an asynchronous endpoint needs HasBacklogWithoutCapacity."""
    tracking = of.tracking()
    alone = read_scaler(of.target(0), [tracking])
    assert _play(alone, alone.begin(0, 0.0), _minutes(500, 30))[1] == []
    step = of.steps("FromZero", (0, None, 1), alarm="Backlog")
    both = read_scaler(of.target(0), [tracking, step], alarms=[of.alarm("Backlog", 1)])
    _, activities = _play(both, both.begin(0, 0.0), [{"Backlog": 1.0}])
    assert [(each.after, each.source) for each in activities] == [(1, "FromZero")]


def test_new_limits_move_capacity_at_once() -> None:
    """A scheduled minimum above the capacity, in the middle of a cooldown."""
    scaler = read_scaler(of.target(), [of.tracking()], [of.action("at(1970-01-01T00:05:00)", low=7)])
    state, activities = _play(scaler, scaler.begin(2, 0.0), [{}] * 5)
    assert ([(each.time, each.after) for each in activities], state.minimum) == ([(300.0, 7)], 7)


def test_suspended_scaling_does_nothing() -> None:
    """SuspendedState of the target."""
    suspended = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}
    scaler = read_scaler(of.target(SuspendedState=suspended), [of.tracking()])
    assert _play(scaler, scaler.begin(5, 0.0), [*_minutes(1, 30), *_minutes(500, 30)])[1] == []


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.tuples(_VALUES, _VALUES), max_size=80),
    low=st.integers(0, 4),
    more=st.integers(0, 12),
    begin=st.integers(0, 20),
    takes=st.integers(0, 3),
)
def test_capacity_never_leaves_its_limits(
    values: list[tuple[float | None, float | None]], low: int, more: int, begin: int, takes: int
) -> None:
    """Whatever the metrics say."""
    policies = [of.tracking(), of.steps("Steps", (0, 20, 2), (20, None, 5))]
    scaler = read_scaler(of.target(low, low + more), policies, alarms=[of.alarm()])
    minutes = [{"Invocations": first, "High": second} for first, second in values]
    _, activities = _play(scaler, scaler.begin(begin, 0.0), minutes, takes)
    assert all(low <= each.after <= low + more for each in activities)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(_VALUES, max_size=120), cooldown=st.sampled_from([0, 120, 900]), takes=st.integers(0, 3))
def test_no_scale_in_within_the_cooldown_of_another(values: list[float | None], cooldown: int, takes: int) -> None:
    """Counted from the end of the one before."""
    scaler = read_scaler(of.target(0, 40), [of.tracking(ScaleInCooldown=cooldown)])
    minutes: list[dict[str, float | None]] = [{"Invocations": value} for value in values]
    _, activities = _play(scaler, scaler.begin(40, 0.0), minutes, takes)
    for one, other in itertools.pairwise(activities):
        if one.after < one.before and other.after < other.before:
            assert other.time - (one.time + takes * 60) >= cooldown


@settings(max_examples=60, deadline=None)
@given(value=st.floats(0, 900), extra=st.floats(0, 900), capacity=st.integers(1, 20))
def test_more_load_never_asks_for_less(value: float, extra: float, capacity: int) -> None:
    """Monotone in the metric."""
    scaler = read_scaler(of.target(1, 50), [of.tracking()])
    less, more = (_play(scaler, scaler.begin(capacity, 0.0), _minutes(each, 15)) for each in (value, value + extra))
    assert less[0].capacity <= more[0].capacity


@settings(max_examples=30, deadline=None)
@given(values=st.lists(_VALUES, max_size=40), cut=st.integers(0, 40))
def test_a_state_read_back_decides_the_same(values: list[float | None], cut: int) -> None:
    """A cloud that was restarted in the middle."""
    scaler = read_scaler(of.target(), [of.tracking()])
    minutes: list[dict[str, float | None]] = [{"Invocations": value} for value in values]
    whole, activities = _play(scaler, scaler.begin(3, 0.0), minutes, 2)
    state, first = _play(scaler, scaler.begin(3, 0.0), minutes[:cut], 2)
    again, second = _play(scaler, State.read(json.loads(json.dumps(state.document()))), minutes[cut:], 2)
    assert (again, [*first, *second]) == (whole, activities)
