"""What each policy asks for, before they are held against each other, limits and cooldowns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainyard.scaling.state import State
from trainyard.scaling.steps import StepScaling
from trainyard.scaling.tracking import TargetTracking


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A capacity that somebody asks for."""

    capacity: int
    """How much."""
    source: str
    """Name of the policy; ``limits`` where the limits require it."""
    cause: str
    """Why, in words."""
    cooldown: float
    """Seconds that the rules of cooldown hold after it."""


def tracked_out(policies: Sequence[TargetTracking], state: State, base: int, fresh: frozenset[str]) -> Iterable[Wish]:
    """Scale-outs of policies with a new datapoint, reckoned from ``base``."""
    for policy in policies:
        if policy.name in fresh:
            wanted = policy.outward(state.points[policy.name], base)
            if wanted is not None:
                yield Wish(
                    capacity=wanted,
                    source=policy.name,
                    cause=f"{policy.watch.out_of} datapoints above {policy.target:g}",
                    cooldown=policy.out_cooldown,
                )


def tracked_in(policies: Sequence[TargetTracking], state: State, fresh: frozenset[str]) -> Iterable[Wish]:
    """The scale-in that all policies that may scale in agree on, if they do."""
    asked = [policy for policy in policies if policy.scales_in]
    wanted = [policy.inward(state.points.get(policy.name, ()), state.capacity) for policy in asked]
    agreed = [(size, policy) for size, policy in zip(wanted, asked, strict=True) if size is not None]
    if not agreed or len(agreed) < len(asked) or not any(policy.name in fresh for policy in asked):
        return
    size, policy = max(agreed, key=lambda pair: pair[0])
    yield Wish(
        capacity=size,
        source=policy.name,
        cause=f"{policy.watch.in_of} datapoints below 90 % of {policy.target:g}",
        cooldown=policy.in_cooldown,
    )


def stepped(policies: Sequence[StepScaling], state: State, base: int, fresh: frozenset[str]) -> Iterable[Wish]:
    """What step policies ask for whose alarms ring and have a new datapoint, reckoned from ``base``."""
    for policy in policies:
        for alarm in policy.alarms:
            if alarm.signal.key in fresh:
                wanted = policy.wanted(alarm, state.points[alarm.signal.key], base)
                if wanted is not None:
                    cause = f"alarm {alarm.signal.key} is in ALARM"
                    yield Wish(capacity=wanted, source=policy.name, cause=cause, cooldown=policy.cooldown)
