"""Target tracking: keep a metric at a value.

Source: Application Auto Scaling user guide, "How target tracking scaling works", and the API reference of
TargetTrackingScalingPolicyConfiguration, read 2026-11-21. AWS gives no formula; proportion, rounded up, is what it
describes. Of the datapoints that made an alarm ring, the newest counts for scaling out and the largest for scaling in,
which AWS calls gradual.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import reject
from trainyard.scaling.metrics import IN_SHARE, Signal, Watch, tracked

DEFAULT_COOLDOWN = 300
"""Seconds; AWS's default for what SageMaker scales, for both directions and for step scaling."""


@dataclass(frozen=True, kw_only=True)
class TargetTracking:
    """A policy of type TargetTrackingScaling."""

    name: str
    """Its name."""
    target: float
    """Value that the metric is kept at."""
    signal: Signal
    """The metric."""
    watch: Watch
    """When it acts."""
    out_cooldown: float
    """Seconds after a scale-out."""
    in_cooldown: float
    """Seconds after a scale-in."""
    scales_in: bool
    """False where DisableScaleIn is set."""

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The one time series that it needs."""
        return (self.signal,)

    @property
    def memory(self) -> int:
        """Datapoints that it looks back."""
        return max(self.watch.out_of, self.watch.in_of)

    def outward(self, points: Sequence[float | None], base: int) -> int | None:
        """Capacity that a scale-out asks for, reckoned from ``base``; None while the metric is not above the target."""
        newest = points[-self.watch.out_of :]
        if len(newest) < self.watch.out_of or any(value is None or value <= self.target for value in newest):
            return None
        return self._proportion(base, newest[-1])

    def inward(self, points: Sequence[float | None], capacity: int) -> int | None:
        """Capacity that it would scale in to; None while the metric is not low for long enough."""
        newest = points[-self.watch.in_of :]
        low = self.target * IN_SHARE
        if len(newest) < self.watch.in_of or any(value is None or value >= low for value in newest):
            return None
        return self._proportion(capacity, max(value for value in newest if value is not None))

    def _proportion(self, capacity: int, value: float | None) -> int:
        assert value is not None
        # Ten digits: 3 instances at 2/3 of the target are 2, whatever the binary fraction says.
        return math.ceil(round(capacity * value / self.target, 10))


def read_tracking(name: str, configuration: Mapping[str, Any]) -> TargetTracking:
    """From a policy's TargetTrackingScalingPolicyConfiguration.

    Raises:
        ContractError: No positive target, or no metric that is known.
    """
    target = float(configuration["TargetValue"])
    if not target > 0 or not math.isfinite(target):
        reject(f"{name}.TargetValue", target, "capacity is reckoned in proportion to it", "Give a positive number.")
    signal, watch = tracked(name, configuration)
    return TargetTracking(
        name=name,
        target=target,
        signal=signal,
        watch=watch,
        out_cooldown=_seconds(configuration.get("ScaleOutCooldown")),
        in_cooldown=_seconds(configuration.get("ScaleInCooldown")),
        scales_in=str(configuration.get("DisableScaleIn", False)).lower() != "true",
    )


def _seconds(value: object) -> float:
    return DEFAULT_COOLDOWN if value is None else float(str(value))
