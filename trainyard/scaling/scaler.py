"""The decision: given metrics and the time, which capacity a target should have.

Rules and their sources (Application Auto Scaling user guide and API reference, read 2026-11-21):

- Out by the largest policy; in by the largest of those that scale in, and target tracking only when all of its
  policies that may scale in agree ("Multiple scaling policies"). A step policy's scale-in is not blocked by them.
- After a scale-out, what it added counts as part of the next one until its cooldown ends: only a larger one goes on.
  After a scale-in, none follows until its cooldown ends; a scale-out ends that cooldown ("Define cooldown periods").
- Scheduled actions change the limits, and the capacity where it lies outside them, whatever the cooldowns.
- An activity is under way until the resource has changed; cooldowns begin then, and nothing else begins before. The
  last is this project's reading: SageMaker refuses a change while an endpoint updates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ml_contract.errors import reject
from trainyard.scaling.alarms import read_alarm
from trainyard.scaling.metrics import Signal
from trainyard.scaling.schedule import ScheduledAction, read_action
from trainyard.scaling.state import Activity, Cooldown, State
from trainyard.scaling.steps import StepScaling, read_steps
from trainyard.scaling.tracking import TargetTracking, read_tracking
from trainyard.scaling.wishes import Wish, stepped, tracked_in, tracked_out


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """The policies and scheduled actions of one scalable target. It has no state of its own."""

    resource: str
    """ResourceId of the target."""
    dimension: str
    """ScalableDimension of the target."""
    minimum: int
    """Lower limit as registered."""
    maximum: int
    """Upper limit as registered."""
    tracking: tuple[TargetTracking, ...] = ()
    """Target tracking policies."""
    stepping: tuple[StepScaling, ...] = ()
    """Step scaling policies."""
    scheduled: tuple[ScheduledAction, ...] = ()
    """Scheduled actions."""
    out_suspended: bool = False
    """DynamicScalingOutSuspended."""
    in_suspended: bool = False
    """DynamicScalingInSuspended."""
    schedule_suspended: bool = False
    """ScheduledScalingSuspended."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Every time series that the policies need."""
        return tuple(signal for policy in self._policies for signal in policy.signals)

    @property
    def _policies(self) -> tuple[TargetTracking | StepScaling, ...]:
        return (*self.tracking, *self.stepping)

    def begin(self, capacity: int, now: float) -> State:
        """The state of a target registered at ``now`` with ``capacity``."""
        return State(capacity=capacity, minimum=self.minimum, maximum=self.maximum, seen=now)

    def due(self, state: State, now: float) -> tuple[Signal, ...]:
        """The signals whose next datapoint is to be given to `observe` at ``now``."""
        return tuple(each for each in self.signals if now >= state.last.get(each.key, float("-inf")) + each.period)

    def observe(self, state: State, now: float, metrics: Mapping[str, float | None]) -> tuple[State, Activity | None]:
        """Decide.

        Args:
            state: What the last look left.
            now: Seconds since the epoch, not before the last look.
            metrics: The newest datapoint of signals, by `Signal.key`; None where CloudWatch has none. A signal that
                is absent has no new period yet, and only policies with a new datapoint act.

        Returns:
            The next state and the activity that begins, if one does. It is under way until `complete`.
        """
        state = self._limits(self._recorded(state, now, metrics), now)
        if state.ongoing is not None:
            return state, None
        wish = self._forced(state) or self._wished(state, now, frozenset(metrics))
        if wish is None or wish.capacity == state.capacity:
            return state, None
        activity = Activity(
            time=now,
            before=state.capacity,
            after=wish.capacity,
            cause=wish.cause,
            source=wish.source,
            cooldown=wish.cooldown,
        )
        return replace(state, capacity=activity.after, ongoing=activity), activity

    def complete(self, state: State, now: float, capacity: int | None = None) -> State:
        """The activity under way has ended at ``now``: its cooldown begins.

        Args:
            state: With an activity under way.
            now: Seconds since the epoch.
            capacity: What was reached, where that is not what was asked for.
        """
        done = state.ongoing
        assert done is not None, "no activity is under way"
        reached = done.after if capacity is None else capacity
        cooldown = None
        if reached != done.before and done.cooldown > 0:
            outward = reached > done.before
            running = state.cooldown
            # A larger scale-out within a cooldown is reckoned from where the first one began; so is the next.
            carries = outward and running is not None and running.outward and done.time < running.until
            base = running.base if carries and running is not None else done.before
            cooldown = Cooldown(until=now + done.cooldown, outward=outward, base=base)
        return replace(state, capacity=reached, ongoing=None, cooldown=cooldown)

    def _recorded(self, state: State, now: float, metrics: Mapping[str, float | None]) -> State:
        known = {signal.key: policy.memory for policy in self._policies for signal in policy.signals}
        for key in metrics:
            if key not in known:
                reject("metrics", key, "no policy follows it", f"The signals are {', '.join(known) or 'none'}.")
        points = {key: (*state.points.get(key, ()), value)[-known[key] :] for key, value in metrics.items()}
        return replace(state, points={**state.points, **points}, last={**state.last, **dict.fromkeys(metrics, now)})

    def _limits(self, state: State, now: float) -> State:
        due = [] if self.schedule_suspended else [(each.due(state.seen, now), each) for each in self.scheduled]
        minimum, maximum = state.minimum, state.maximum
        for _, action in sorted(((time, each) for time, each in due if time is not None), key=lambda pair: pair[0]):
            minimum = minimum if action.minimum is None else action.minimum
            maximum = maximum if action.maximum is None else action.maximum
        # A lone new minimum may pass the maximum that another action left: AWS refuses it, the wider one stays.
        return replace(state, minimum=min(minimum, maximum), maximum=maximum, seen=now)

    def _forced(self, state: State) -> Wish | None:
        inside = min(max(state.capacity, state.minimum), state.maximum)
        if inside == state.capacity:
            return None
        which = "minimum" if inside > state.capacity else "maximum"
        return Wish(capacity=inside, source="limits", cause=f"{which} capacity is {inside}", cooldown=0.0)

    def _wished(self, state: State, now: float, fresh: frozenset[str]) -> Wish | None:
        running = state.cooldown if state.cooldown is not None and now < state.cooldown.until else None
        base = running.base if running is not None and running.outward else state.capacity
        wishes = [*tracked_out(self.tracking, state, base, fresh), *stepped(self.stepping, state, base, fresh)]
        bounded = [replace(each, capacity=min(max(each.capacity, state.minimum), state.maximum)) for each in wishes]
        out = [each for each in bounded if each.capacity > state.capacity]
        if out:
            return None if self.out_suspended else max(out, key=lambda each: each.capacity)
        if self.in_suspended or (running is not None and not running.outward):
            return None
        # Not from ``base``: what a scale-in takes away, it takes from what there is.
        inward = [*tracked_in(self.tracking, state, fresh), *stepped(self.stepping, state, state.capacity, fresh)]
        lower = [each for each in inward if each.capacity < state.capacity]
        chosen = max(lower, key=lambda each: each.capacity, default=None)
        return None if chosen is None else replace(chosen, capacity=max(chosen.capacity, state.minimum))


def read_scaler(
    target: Mapping[str, Any],
    policies: Sequence[Mapping[str, Any]],
    scheduled: Sequence[Mapping[str, Any]] = (),
    alarms: Sequence[Mapping[str, Any]] = (),
) -> Scaler:
    """Read the documents of one scalable target.

    Args:
        target: A member of DescribeScalableTargets' answer, or a ScalableTarget's properties in a template.
        policies: Members of DescribeScalingPolicies' answer. ``Alarms`` names the alarms of a step policy.
        scheduled: Members of DescribeScheduledActions' answer; a template has them in the target.
        alarms: Members of DescribeAlarms' MetricAlarms; only those of step policies are looked at.

    Raises:
        ContractError: A document that Application Auto Scaling would refuse, or that cannot be followed here.
    """
    minimum, maximum = int(target["MinCapacity"]), int(target["MaxCapacity"])
    resource = str(target["ResourceId"])
    if not 0 <= minimum <= maximum:
        reject(f"{resource}.MinCapacity", minimum, f"it must lie between 0 and MaxCapacity {maximum}", "Lower it.")
    known = {str(document["AlarmName"]): document for document in alarms}
    tracking, stepping = [], []
    for policy in policies:
        name, kind = str(policy["PolicyName"]), str(policy["PolicyType"])
        if kind == "TargetTrackingScaling":
            tracking.append(read_tracking(name, policy["TargetTrackingScalingPolicyConfiguration"]))
        elif kind == "StepScaling":
            named = [str(each["AlarmName"]) for each in policy.get("Alarms") or ()]
            rung = [read_alarm(known[each]) for each in named if each in known]
            stepping.append(read_steps(name, policy["StepScalingPolicyConfiguration"], rung))
        else:
            reject(f"{name}.PolicyType", kind, "SageMaker takes target tracking and step scaling", "Use one of them.")
    suspended = target.get("SuspendedState") or {}
    return Scaler(
        resource=resource,
        dimension=str(target["ScalableDimension"]),
        minimum=minimum,
        maximum=maximum,
        tracking=tuple(tracking),
        stepping=tuple(stepping),
        scheduled=tuple(read_action(each) for each in (*scheduled, *(target.get("ScheduledActions") or ()))),
        out_suspended=_true(suspended.get("DynamicScalingOutSuspended")),
        in_suspended=_true(suspended.get("DynamicScalingInSuspended")),
        schedule_suspended=_true(suspended.get("ScheduledScalingSuspended")),
    )


def _true(value: object) -> bool:
    return str(value).lower() == "true"
