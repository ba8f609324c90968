"""The scaler: follows the deployed policies from the cloud's metrics, and asks SageMaker for what they want."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace

from ml_contract.errors import ContractError
from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document
from trainyard.local.autoscaling.activities import Activities
from trainyard.local.autoscaling.cloudwatch import CloudWatch
from trainyard.local.autoscaling.resources import Resource, Resources, parse
from trainyard.local.autoscaling.targets import ACTIVITY, POLICY, SCHEDULED, STATE, TARGET, Targets, matches
from trainyard.scaling.metrics import Signal
from trainyard.scaling.scaler import Scaler, read_scaler
from trainyard.scaling.state import Activity, State

_LOOKS_A_MINUTE = 60
_LEAST_SECONDS = 0.2
_CLOCK = "scaling-clock"
_log = logging.getLogger(__name__)


_DONE = ("Successful", "Successfully set desired capacity. Change successfully fulfilled by sagemaker.")
_OVERRIDDEN = ("Overridden", "Another change of the resource came between.")
_SOMEBODY_ELSES = Activity(time=0.0, before=0, after=0, cause="", source="", cooldown=0.0)
"""Stands for a change that the scaler did not ask for: while one is under way, nothing begins."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a look at a target leaves for the next."""

    target: str
    """ARN of the target: one that is registered again begins afresh."""
    state: State
    activity: str | None = None
    """Id of the activity under way."""


class Scalers:
    """A thread that looks at every target, and DescribeScalingActivities."""

    def __init__(self, context: Context, targets: Targets, resources: Resources, cloudwatch: CloudWatch) -> None:
        """Starts nothing."""
        self._store, self._targets, self._resources, self._cloudwatch = context.store, targets, resources, cloudwatch
        self._activities = Activities(context.store)
        self._real_a_virtual = context.minute_seconds / 60
        self._pause = max(_LEAST_SECONDS, context.minute_seconds / _LOOKS_A_MINUTE)
        self._seen: dict[str, _Seen] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @operation("DescribeScalingActivities")
    def describe(self, request: Request, _: Caller) -> Answer:
        """What scaled, newest first."""
        rows = [row for row in self._store.list(ACTIVITY) if matches(row, request)]
        return page(rows[::-1], request, "ScalingActivities", identity="ActivityId", default=50)

    def start(self) -> None:
        """Begins to look."""
        self._thread = threading.Thread(target=self._run, name="application auto scaling", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Looks no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def look(self, now: float) -> None:
        """Looks at every target once.

        Args:
            now: seconds since 1970, by the clock of the policies.
        """
        for target in self._store.list(TARGET):
            try:
                self._look(target, now)
            except (ServiceError, ContractError) as error:
                # The endpoint is gone, or changes: the next look may find it again.
                _log.debug("%s: %s", target["ResourceId"], error)
            except Exception:
                _log.exception("scaling of %s", target["ResourceId"])

    def _run(self) -> None:
        while not self._ended.wait(self._pause):
            if self._store.list(TARGET):
                self.look(self._now())

    def _now(self) -> float:
        """The clock of the policies: the machine's, but that a minute is as long as the cloud was told."""
        now = time.time()
        if self._real_a_virtual == 1.0:
            return now
        clock = self._store.get(_CLOCK, "start")
        if clock is None or clock["rate"] != self._real_a_virtual:
            clock = {"start": now, "rate": self._real_a_virtual}
            self._store.delete(_CLOCK, "start")
            self._store.insert(_CLOCK, "start", clock)
        return float(clock["start"] + (now - clock["start"]) / self._real_a_virtual)

    def _look(self, target: Document, now: float) -> None:
        resource = parse(target)
        capacity = self._resources.capacity(resource)
        scaler = self._scaler(resource, target)
        seen = self._recall(resource, target) or _Seen(
            target=target["ScalableTargetARN"], state=scaler.begin(capacity.desired, now)
        )
        state = replace(seen.state, minimum=target["MinCapacity"], maximum=target["MaxCapacity"])
        activity = seen.activity
        values = self._values(scaler, state, resource, now)
        if not capacity.settled:
            # What metrics are while the resource changes counts afterwards; nothing begins meanwhile.
            after, _ = scaler.observe(replace(state, ongoing=state.ongoing or _SOMEBODY_ELSES), now, values)
            self._keep(resource, replace(seen, state=replace(after, ongoing=state.ongoing)), durable=bool(values))
            return
        if state.ongoing is not None and activity:
            reached = capacity.desired == state.ongoing.after
            self._activities.end(activity, *(_DONE if reached else _OVERRIDDEN))
            state, activity = scaler.complete(state, now, capacity.desired), None
        state = replace(state, capacity=capacity.desired, ongoing=None)
        after, wanted = scaler.observe(state, now, values)
        if wanted is not None:
            activity = self._activities.begin(resource, wanted)
            try:
                self._resources.give(resource, wanted.after)
            except ServiceError as error:
                self._activities.end(activity, "Failed", f"Failed to set desired capacity: {error.message}")
                after, activity = replace(after, ongoing=None, capacity=state.capacity), None
        durable = bool(values) or activity != seen.activity or after.minimum != seen.state.minimum
        self._keep(resource, replace(seen, state=after, activity=activity), durable=durable)
        limits = {"MinCapacity": after.minimum, "MaxCapacity": after.maximum}
        if any(target[field] != value for field, value in limits.items()):
            self._store.update(TARGET, resource.key, **limits)

    def _scaler(self, resource: Resource, target: Document) -> Scaler:
        policies, alarms = [], []
        for policy in self._targets.of(POLICY, resource):
            found = self._cloudwatch.alarms_with(policy["PolicyARN"]) if policy["PolicyType"] == "StepScaling" else []
            policies.append({**policy, "Alarms": found})
            alarms += found
        return read_scaler(target, policies, self._targets.of(SCHEDULED, resource), alarms)

    def _values(self, scaler: Scaler, state: State, resource: Resource, now: float) -> dict[str, float | None]:
        return {signal.key: self._value(signal, resource) for signal in scaler.due(state, now)}

    def _value(self, signal: Signal, resource: Resource) -> float | None:
        dimensions = dict(signal.dimensions) or resource.metric_dimensions
        seconds = signal.period * self._real_a_virtual
        return self._cloudwatch.statistic(signal.namespace, signal.name, dimensions, signal.statistic, seconds=seconds)

    def _recall(self, resource: Resource, target: Document) -> _Seen | None:
        """What the last look left of this target, before a restart of the cloud too."""
        found = self._seen.get(resource.key)
        if found is None:
            kept = self._store.get(STATE, resource.key)
            found = _Seen(**{**kept, "state": State.read(kept["state"])}) if kept else None
        return found if found and found.target == target["ScalableTargetARN"] else None

    def _keep(self, resource: Resource, seen: _Seen, *, durable: bool) -> None:
        self._seen[resource.key] = seen
        if not durable:
            return
        document = {"target": seen.target, "activity": seen.activity, "state": seen.state.document()}
        self._store.delete(STATE, resource.key)
        self._store.insert(STATE, resource.key, document)
