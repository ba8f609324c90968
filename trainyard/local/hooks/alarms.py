"""CloudWatch alarms as CloudWatch evaluates them: by dimensions, M of N periods, and what is missing.

The emulator's own look at every metric of the name, whatever its dimensions, take all periods for one, and never leave
ALARM when the data end: an update would be rolled back for another endpoint's errors.

Rules: "Using Amazon CloudWatch alarms", alarm evaluation and missing data (CloudWatch user guide), read 2026-11.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from ministack.services import cloudwatch

from trainyard.local.api.operations import Answer, Caller, Request, operation
from trainyard.local.hooks.alarm_clock import Clock

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

_TICK_SECONDS = 1.0
_EVICT_SECONDS = 60.0
_LEASE_SECONDS = 900.0
"""Longest time with another minute, where none is said."""
_BREACHES: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_LOW_SAMPLES = "EvaluateLowSampleCountPercentile"
_UNKNOWN = ("Metrics", "ThresholdMetricId", "EvaluationCriteria", "EvaluationWindow", "WarmUpConfiguration")
"""Members of PutMetricAlarm that nothing here evaluates."""
_log = logging.getLogger(__name__)


class Alarms:
    """The evaluation of all metric alarms, in place of the emulator's."""

    def __init__(self, minute_seconds: float) -> None:
        """Composes it.

        Args:
            minute_seconds: what the alarms take for a minute, in seconds: 60, but for tests that cannot wait.
        """
        self._clock = Clock(minute_seconds)
        self._evicted = 0.0
        self._mine: dict[str, str] = {}
        self._evict: Callable[[], None] = cloudwatch._evict_old_metrics

    def install(self) -> None:
        """Puts it in the emulator's place."""
        cloudwatch._evaluate_alarm = self.evaluate
        cloudwatch._evaluate_all_alarms = self.evaluate_all
        cloudwatch._put_metric_alarm = _honest(cloudwatch._put_metric_alarm)
        cloudwatch._evict_old_metrics = self._evict_sometimes

    @operation("SetMinute")
    def set_minute(self, request: Request, _: Caller) -> Answer:
        """Gives alarms, and nothing else, another minute for a while; 0 seconds give the usual one back.

        What has passed has passed: data that became old while minutes were short are old afterwards.
        """
        self._clock.run(request["Seconds"], request.get("ForSeconds", _LEASE_SECONDS))
        return {"Seconds": self._clock.minute_seconds}

    async def run(self) -> None:
        """Evaluates every second, until cancelled: data that end change alarms too."""
        while True:
            await asyncio.sleep(_TICK_SECONDS * min(1.0, self._clock.minute_seconds / 6))
            self._clock.end_lease()
            self.evaluate_all()

    def evaluate_all(self) -> None:
        """Evaluates every metric alarm."""
        for alarm in list(cloudwatch._alarms.values()):
            try:
                self.evaluate(alarm)
            except Exception:
                _log.exception("alarm %s", alarm.get("AlarmName"))

    def evaluate(self, alarm: dict[str, Any]) -> None:
        """Gives one alarm the state that its metric has, and does what it does on a change."""
        now = time.time()
        period = alarm.get("Period", 60)
        periods = _periods(alarm, now, self._clock, alarm.get("EvaluationPeriods", 1))
        if any(_too_few(alarm, points) for points in periods):
            return
        values = [_statistic(alarm, points) for points in periods]
        name, old = alarm["AlarmName"], alarm["StateValue"]
        if self._mine.get(name, old) != old and self._clock.between(alarm["StateUpdatedTimestamp"], now) < period:
            return  # SetAlarmState: what somebody set stays for a period
        new = self._mine[name] = state(alarm, values, old)
        if new == old:
            return
        shown = ", ".join("missing" if value is None else f"{value:g}" for value in values)
        reason = f"Threshold Crossed: [{shown}] against {alarm['ComparisonOperator']} {alarm.get('Threshold', 0):g}"
        if new == "INSUFFICIENT_DATA":
            reason = "Insufficient Data: no datapoints were received"
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(now))
        cloudwatch._record_history(name, old, new, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    def _evict_sometimes(self) -> None:
        # The emulator looks at every point it has at every request.
        if time.monotonic() - self._evicted > _EVICT_SECONDS:
            self._evicted = time.monotonic()
            self._evict()


def state(alarm: Mapping[str, Any], values: Sequence[float | None], before: State) -> State:
    """The state of an alarm.

    Args:
        alarm: its definition.
        values: its metric in the periods that count, the youngest first; None where there were no data.
        before: its state until now.
    """
    breaches, limit = _BREACHES[alarm["ComparisonOperator"]], alarm.get("Threshold", 0.0)
    wanted = alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1)
    treat = alarm.get("TreatMissingData") or "missing"
    known = [breaches(value, limit) for value in values if value is not None]
    if treat in ("breaching", "notBreaching"):
        known += [treat == "breaching"] * (len(values) - len(known))
    if not known:
        return before if treat == "ignore" else "INSUFFICIENT_DATA"
    if treat == "ignore" and len(known) < wanted:
        return before
    return "ALARM" if sum(known) >= min(wanted, len(known)) else "OK"


def _periods(alarm: Mapping[str, Any], now: float, clock: Clock, count: int) -> list[list[dict[str, Any]]]:
    """The points of an alarm's metric in its last periods, the youngest first; the youngest ends now."""
    dimensions = cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
    key = alarm.get("Namespace"), alarm.get("MetricName"), cloudwatch._dims_key(dimensions)
    period = alarm.get("Period", 60)
    found: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for point in reversed(cloudwatch._metrics.get(key) or []):
        age = int(clock.between(point["Timestamp"], now) // period) if point["Timestamp"] <= now else 0
        if age >= count:
            # Points come nearly in order; one period more is looked at for those that do not.
            if age > count:
                break
            continue
        if alarm.get("Unit") in (None, point.get("Unit")):
            found[age].append(point)
    return found


def _too_few(alarm: Mapping[str, Any], points: list[dict[str, Any]]) -> bool:
    """Whether a percentile of so few samples leaves the alarm as it is ("Percentile-based alarms and low data
    samples", CloudWatch user guide, read 2026-11: 10 / (1 - percentile) are wanted, below the median 10 / percentile).
    """
    name = alarm.get("ExtendedStatistic") or ""
    if alarm.get(_LOW_SAMPLES) != "ignore" or not cloudwatch._is_percentile_stat(name) or not points:
        return False
    percentile = float(name[1:]) / 100
    rarer = min(percentile, 1 - percentile)
    return bool(rarer > 0 and sum(cloudwatch._point_stats(point)[0] for point in points) < 10 / rarer)


def _honest(original: Callable[..., Any]) -> Callable[..., Any]:
    """PutMetricAlarm, with what the emulator drops kept or refused."""

    @functools.wraps(original)
    def put(params: Mapping[str, Any], data: Mapping[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        dropped = [name for name in _UNKNOWN if data.get(name)]
        if dropped:
            message = f"{dropped[0]}: the embedded cloud evaluates alarms of one metric. Leave it out."
            return cloudwatch._error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)
        if data.get("ComparisonOperator") not in (None, *_BREACHES):
            message = f"ComparisonOperator: the embedded cloud evaluates {', '.join(_BREACHES)}."
            return cloudwatch._error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)
        answer = original(params, data, is_cbor, is_json)
        alarm = cloudwatch._alarms.get(data.get("AlarmName"))
        if alarm is not None and data.get(_LOW_SAMPLES):
            alarm[_LOW_SAMPLES] = data[_LOW_SAMPLES]
        return answer

    return put


def _statistic(alarm: Mapping[str, Any], points: list[dict[str, Any]]) -> float | None:
    if not points:
        return None
    name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    value: float | None = cloudwatch._stat_value(cloudwatch._calc_stats(points), name, points)
    return value
