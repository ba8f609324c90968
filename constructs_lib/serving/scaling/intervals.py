"""How far a metric is beyond its threshold, and what is done there.

Sources, read 2026-11-21: StepAdjustment, API reference, and "Step scaling policies" and "Quotas", Application Auto
Scaling User Guide.
"""

from __future__ import annotations

import itertools
import math
from typing import Self

from aws_cdk import aws_applicationautoscaling as scaling
from pydantic import model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

_Policy = scaling.CfnScalingPolicy
MOST_STEPS = 20


class Step(Value):
    """What is done while the metric lies in one interval beyond the alarm's threshold."""

    lower: float | None = None
    """Where the interval begins, measured from the threshold; everything below by default."""
    upper: float | None = None
    """Where it ends, measured from the threshold; everything above by default."""
    change: int
    """Instances or copies to add, or to remove where negative; per cent with PercentChangeInCapacity; the capacity
    itself with ExactCapacity."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval, with infinities."""
        return (-math.inf if self.lower is None else self.lower, math.inf if self.upper is None else self.upper)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.lower is None and self.upper is None:
            reject("upper", None, "an interval has at least one bound", "Write Step(lower=0, change=1).")
        lower, upper = self.bounds
        if not lower < upper:
            reject("upper", self.upper, f"it must be greater than lower, {self.lower}", "Swap the two.")
        return self

    def render(self) -> _Policy.StepAdjustmentProperty:
        """As the policy has it."""
        return _Policy.StepAdjustmentProperty(
            metric_interval_lower_bound=self.lower, metric_interval_upper_bound=self.upper,
            scaling_adjustment=self.change,
        )  # fmt: skip


def check_steps(steps: tuple[Step, ...]) -> None:
    """Refuse intervals that overlap or leave a gap, as Application Auto Scaling does.

    Raises:
        ContractError: The intervals do not cover one connected range, or end short of where the metric can go.
    """
    ordered = sorted(steps, key=lambda step: step.bounds)
    for before, after in itertools.pairwise(ordered):
        if before.bounds[1] > after.bounds[0]:
            reject("steps", f"{before.bounds} and {after.bounds}", "intervals must not overlap",
                   "End one where the next begins.")  # fmt: skip
        if before.bounds[1] < after.bounds[0]:
            reject("steps", f"{before.bounds} and {after.bounds}", "intervals must leave no gap",
                   "End one where the next begins.")  # fmt: skip
    first, last = ordered[0].bounds[0], ordered[-1].bounds[1]
    if first < 0 and first != -math.inf:
        reject("steps", first, "with a lower bound below 0 one interval must reach down without end",
               "Leave out the lower bound of the lowest.")  # fmt: skip
    if last > 0 and last != math.inf:
        reject("steps", last, "with an upper bound above 0 one interval must reach up without end",
               "Leave out the upper bound of the highest.")  # fmt: skip
