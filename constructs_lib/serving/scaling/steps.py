"""Rules that answer an alarm with steps.

Sources, read 2026-11-21: StepScalingPolicyConfiguration, API reference, and "Step scaling policies", Application Auto
Scaling User Guide.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.metrics import NAMES, VARIANTS, Statistic, metric_of
from constructs_lib.serving.scaling.alarms import alarm, step_policy
from constructs_lib.serving.scaling.base import Rule, Target
from constructs_lib.serving.scaling.intervals import MOST_STEPS, Step, check_steps
from ml_contract.errors import reject

Period = Literal[10, 20, 30, 60, 120, 300, 600, 900, 3600]
_LESS_IS_BUSIER = frozenset({"ModelCacheHit"})
"""Metrics that fall when capacity is missing."""


class StepScaling(Rule):
    """Adds or removes capacity in steps when a metric passes a threshold."""

    kinds: ClassVar[frozenset[Kind]] = VARIANTS | {"component"}
    why_not: ClassVar[str] = "of a serverless variant only provisioned concurrency scales"
    instead: ClassVar[dict[Kind, str]] = {"serverless": "Use ProvisionedConcurrencyUtilization or Scheduled."}

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,63}$")
    """Name of the rule, for example ``Burst``."""
    metric: str
    """Name of one of SageMaker's metrics, for example ``GPUUtilization``."""
    statistic: Statistic
    """What of the metric is compared with the threshold."""
    threshold: float
    """Where the alarm begins, in the metric's unit."""
    when: Literal["above", "below"]
    """Side of the threshold on which the alarm is: at or above it, or below it."""
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)
    """What is done how far beyond the threshold."""
    adjustment: Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"] = "ChangeInCapacity"
    """What ``change`` means; a number of instances or copies by default."""
    least_change: int | None = Field(default=None, ge=1)
    """Least number that a percentage comes to; whatever it comes to by default."""
    cooldown_seconds: int = Field(default=300, ge=0, le=86400)
    """Pause after a change; 300 is the service's own default."""
    period_seconds: Period = 60
    """Length of one period of the alarm; SageMaker publishes once a minute unless the endpoint says otherwise."""
    periods: int = Field(default=1, ge=1, le=60)
    """Periods in a row that must be beyond the threshold."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.metric not in NAMES:
            reject("metric", self.metric, "SageMaker publishes no such metric of what serves",
                   f"Its metrics are {', '.join(NAMES)}.")  # fmt: skip
        check_steps(self.steps)
        exact = self.adjustment == "ExactCapacity"
        if exact and min(step.change for step in self.steps) < 0:
            reject("steps", min(step.change for step in self.steps), "an exact capacity is not negative",
                   "Give at least 0.")  # fmt: skip
        if self.least_change is not None and self.adjustment != "PercentChangeInCapacity":
            reject("least_change", self.least_change, f"it only bounds percentages, and adjustment is "
                   f"{self.adjustment}", "Leave it out.")  # fmt: skip
        busy = (self.when == "above") != (self.metric in _LESS_IS_BUSIER)
        wrong = [step.change for step in self.steps if (step.change < 0) == busy and step.change]
        if wrong and not exact:
            reject("steps", wrong[0], f"a metric {self.when} its threshold would "
                   f"{'remove' if busy else 'add'} capacity, which then moves it further away",
                   "Turn the sign of change, or the side of the threshold.")  # fmt: skip
        return self

    @property
    def scales_in(self) -> bool:
        return any(step.change < 0 for step in self.steps) or self.adjustment == "ExactCapacity"

    def check(self, hosted: Hosted) -> None:
        super().check(hosted)
        metric = metric_of(hosted, self.metric, field=f"scaling.rules.{self.name}.metric")
        if metric.statistics and self.statistic not in metric.statistics:
            reject(f"scaling.rules.{self.name}.statistic", self.statistic,
                   f"{self.metric} has {', '.join(sorted(metric.statistics))}", "Give one of these.")  # fmt: skip

    def bind(self, target: Target) -> None:
        metric = metric_of(target.hosted, self.metric, field=f"scaling.rules.{self.name}.metric")
        aggregation = self.statistic if self.statistic in ("Average", "Minimum", "Maximum") else "Average"
        policy = step_policy(
            target, self.name, adjustment=self.adjustment, cooldown=self.cooldown_seconds,
            aggregation=aggregation, steps=self.steps, least_change=self.least_change,
        )  # fmt: skip
        comparison = "GreaterThanOrEqualToThreshold" if self.when == "above" else "LessThanThreshold"
        alarm(target, self.name, metric, policy, statistic=self.statistic, threshold=self.threshold,
              comparison=comparison, period=self.period_seconds, periods=self.periods,
              # No datum is no load: the capacity that was there stays.
              missing="ignore")  # fmt: skip
