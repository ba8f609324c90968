"""Deployed policies against a trace, minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_contract.errors import reject
from trainyard.scaling.metrics import Signal
from trainyard.scaling.scaler import Scaler
from trainyard.scaling.state import Activity, State
from trainyard.scaling.trace import Trace, ideal
from trainyard.scaling.traffic import Moment, check, datapoint

_GPU = "GPUUtilization"
_QUEUES = ("ApproximateBacklogSize", "ApproximateBacklogSizePerInstance", "HasBacklogWithoutCapacity")


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What a trace does not say."""

    per_instance: float
    """Requests a minute that one instance or copy can answer."""
    start_seconds: float = 300.0
    """From a scale-out to its instances in service. SageMaker takes minutes; a scale-in counts at once."""
    latency: float = 0.1
    """Seconds that one request takes; tells concurrency from requests."""
    gpus: int = 1
    """GPUs of an instance: the metric of how busy they are adds them up."""
    begin: int | None = None
    """Capacity before the first minute; None for what the first minute needs."""

    def __post_init__(self) -> None:
        """Check each figure."""
        for field in ("per_instance", "latency", "gpus"):
            if not getattr(self, field) > 0:
                reject(field.replace("_", "-"), getattr(self, field), "it must be positive", "Give what you measured.")
        if self.start_seconds < 0:
            reject("start-seconds", self.start_seconds, "it cannot be negative", "Give 0 or more.")


@dataclass(frozen=True, kw_only=True)
class Minute:
    """One minute of a simulation."""

    requests: float
    """Requests that arrived."""
    billed: int
    """Instances asked for: they are paid from the start."""
    active: int
    """Instances in service."""
    over: float
    """Requests beyond what the active ones can answer; those that wait in a queue are none."""
    backlog: float
    """Requests in the queue at its end."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What would have happened."""

    trace: Trace
    """The traffic."""
    minutes: tuple[Minute, ...]
    """One for each of the trace."""
    activities: tuple[Activity, ...]
    """Changes of capacity, in order."""
    ideal: Sequence[int]
    """Instances that each minute needs: no policy knows them in advance."""

    @property
    def hours(self) -> float:
        """Instance-hours."""
        return sum(minute.billed for minute in self.minutes) / 60

    @property
    def ideal_hours(self) -> float:
        """Instance-hours of a capacity that follows the load at once."""
        return sum(self.ideal) / 60

    @property
    def always_on_hours(self) -> float:
        """Instance-hours of the largest capacity, all the time."""
        return max(self.ideal) * len(self.minutes) / 60

    @property
    def over(self) -> float:
        """Requests beyond the capacity, in all."""
        return sum(minute.over for minute in self.minutes)


def saved(hours: float, always_on: float) -> float:
    """Share that ``hours`` save of ``always_on``."""
    return 1 - hours / always_on if always_on else 0.0


def simulate(scaler: Scaler, trace: Trace, assumptions: Assumptions) -> Simulation:
    """Run the policies over the trace.

    Raises:
        ContractError: A policy follows a metric that requests do not tell.
    """
    for signal in scaler.signals:
        check(signal)
    needed = ideal(trace, assumptions.per_instance, scaler.minimum, scaler.maximum)
    tick = min((signal.period for signal in scaler.signals), default=60)
    queued = any(signal.name in _QUEUES for signal in scaler.signals)
    _check_gpus(scaler, assumptions)
    now = trace.begin.timestamp()
    begin = needed[0] if assumptions.begin is None else assumptions.begin
    # A second before: an action that is due with the first minute counts.
    state, active, backlog = scaler.begin(begin, now - 1), begin, 0.0
    minutes: list[Minute] = []
    activities: list[Activity] = []
    state, first = scaler.observe(state, now, {})
    activities += [first] if first else []
    for requests in trace.requests:
        for _ in range(max(1, 60 // tick)):
            state, active = _settled(scaler, state, active, now, assumptions)
            now += min(tick, 60)
            moment = Moment(
                requests=requests,
                active=active,
                backlog=backlog + (requests if queued else 0.0),
                per_instance=assumptions.per_instance,
                latency=assumptions.latency,
                gpus=assumptions.gpus,
            )
            state, activity = scaler.observe(state, now, _datapoints(scaler.due(state, now), moment))
            activities += [activity] if activity else []
        can = active * assumptions.per_instance
        waiting = max(0.0, backlog + requests - can) if queued else 0.0
        over = 0.0 if queued else max(0.0, requests - can)
        # What begins with the minute's end belongs to the next one.
        billed = max(active, state.capacity if activity is None else activity.before)
        minutes.append(Minute(requests=requests, billed=billed, active=active, over=over, backlog=waiting))
        backlog = waiting
    return Simulation(trace=trace, minutes=tuple(minutes), activities=tuple(activities), ideal=needed)


def _check_gpus(scaler: Scaler, assumptions: Assumptions) -> None:
    for policy in scaler.tracking:
        if policy.signal.name == _GPU and policy.target >= 100 * assumptions.gpus:
            rule = f"{policy.name} holds {policy.target:g} %, which so many GPUs cannot exceed together"
            reject("gpus", assumptions.gpus, rule, "Give the GPUs of an instance.")


def _settled(scaler: Scaler, state: State, active: int, now: float, assumptions: Assumptions) -> tuple[State, int]:
    """Complete the activity under way when its time has come."""
    done = state.ongoing
    if done is None:
        return state, active
    takes = assumptions.start_seconds if done.after > done.before else 0.0
    if now < done.time + takes:
        return state, active
    return scaler.complete(state, done.time + takes), done.after


def _datapoints(signals: Sequence[Signal], moment: Moment) -> dict[str, float | None]:
    return {signal.key: datapoint(signal, moment) for signal in signals}
