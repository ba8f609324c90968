"""Step scaling: so much more or less, by how far the metric is from the alarm's threshold.

Source: Application Auto Scaling user guide, "How step scaling works" (adjustments, types, rounding), and the API
reference of StepAdjustment and StepScalingPolicyConfiguration, read 2026-11-21.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import reject
from trainyard.scaling.alarms import Alarm
from trainyard.scaling.metrics import Signal
from trainyard.scaling.tracking import DEFAULT_COOLDOWN

_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
}
_TYPES = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One adjustment and the interval it is for, relative to the alarm's threshold."""

    lower: float
    """Lower bound of metric minus threshold; minus infinity where the document has none."""
    upper: float
    """Upper bound."""
    adjustment: float
    """By how much, in the policy's type."""

    def holds(self, distance: float, *, above: bool) -> bool:
        """Whether the interval holds ``distance``: bounds nearer to the threshold are inclusive."""
        return self.lower <= distance < self.upper if above else self.lower < distance <= self.upper


@dataclass(frozen=True, kw_only=True)
class StepScaling:
    """A policy of type StepScaling with the alarms that invoke it."""

    name: str
    """Its name."""
    adjustment_type: str
    """ChangeInCapacity, ExactCapacity or PercentChangeInCapacity."""
    steps: tuple[Step, ...]
    """Adjustments, by their lower bounds."""
    magnitude: int
    """Least change of a percentage, in units of capacity; 0 without."""
    cooldown: float
    """Seconds after an activity."""
    aggregation: str
    """How the alarm's datapoints become one value: Average, Minimum or Maximum."""
    alarms: tuple[Alarm, ...]
    """Alarms whose action it is."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The alarms' time series."""
        return tuple(alarm.signal for alarm in self.alarms)

    @property
    def memory(self) -> int:
        """Datapoints that it looks back."""
        return max((alarm.periods for alarm in self.alarms), default=1)

    def wanted(self, alarm: Alarm, points: Sequence[float | None], base: int) -> int | None:
        """Capacity that ``alarm`` asks for, reckoned from ``base``; None while it does not ring or no step holds."""
        known = [value for value in points[-alarm.periods :] if value is not None]
        if not known or not alarm.rings(points):
            return None
        distance = _AGGREGATES[self.aggregation](known) - alarm.threshold
        for step in self.steps:
            if step.holds(distance, above=alarm.above):
                return max(0, self._adjusted(base, step.adjustment))
        return None

    def _adjusted(self, base: int, adjustment: float) -> int:
        if self.adjustment_type == "ExactCapacity":
            return int(adjustment)
        if self.adjustment_type == "ChangeInCapacity":
            return base + int(adjustment)
        change = base * adjustment / 100
        # AWS: towards zero beyond one, away from zero below it.
        whole = math.trunc(change) if abs(change) >= 1 else int(math.copysign(math.ceil(abs(change)), change))
        if self.magnitude and adjustment:
            whole = int(math.copysign(max(abs(whole), self.magnitude), adjustment))
        return base + whole


def read_steps(name: str, configuration: Mapping[str, Any], alarms: Sequence[Alarm]) -> StepScaling:
    """From a policy's StepScalingPolicyConfiguration.

    Raises:
        ContractError: No step, steps that overlap, an unknown type or aggregation.
    """
    kind = str(configuration.get("AdjustmentType"))
    if kind not in _TYPES:
        reject(f"{name}.AdjustmentType", kind, "there is no such type", f"Use one of {', '.join(_TYPES)}.")
    aggregation = str(configuration.get("MetricAggregationType") or "Average")
    if aggregation not in _AGGREGATES:
        reject(
            f"{name}.MetricAggregationType",
            aggregation,
            "there is no such type",
            f"Use one of {', '.join(_AGGREGATES)}.",
        )
    steps = tuple(sorted(map(_step, configuration.get("StepAdjustments") or ()), key=lambda step: step.lower))
    if not steps:
        reject(f"{name}.StepAdjustments", [], "a policy without a step never scales", "Give at least one.")
    for step, following in itertools.pairwise(steps):
        if following.lower < step.upper:
            reject(
                f"{name}.StepAdjustments",
                following.lower,
                f"it lies in the step that ends at {step.upper}",
                "Let intervals touch, not overlap.",
            )
    cooldown = configuration.get("Cooldown")
    return StepScaling(
        name=name,
        adjustment_type=kind,
        steps=steps,
        magnitude=int(configuration.get("MinAdjustmentMagnitude") or 0) if kind == _TYPES[2] else 0,
        cooldown=DEFAULT_COOLDOWN if cooldown is None else float(cooldown),
        aggregation=aggregation,
        alarms=tuple(alarms),
    )


def _step(document: Mapping[str, Any]) -> Step:
    lower, upper = document.get("MetricIntervalLowerBound"), document.get("MetricIntervalUpperBound")
    return Step(
        lower=-math.inf if lower is None else float(lower),
        upper=math.inf if upper is None else float(upper),
        adjustment=float(document["ScalingAdjustment"]),
    )
