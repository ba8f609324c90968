"""Rules that answer an alarm with steps: how far a metric is beyond its threshold says how much is added or removed.

Sources, read 2026-11-21: StepScalingPolicyConfiguration and StepAdjustment, API reference, and "Step scaling policies"
and "Quotas", Application Auto Scaling User Guide; for the rules that wake from zero, "Autoscale an asynchronous
endpoint" and "Scale an endpoint to zero instances", SageMaker Developer Guide.
"""

from __future__ import annotations

import itertools
import math
from typing import ClassVar, Literal, Self

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.metrics import NAMES, VARIANTS, Metric, Statistic, metric_of
from constructs_lib.serving.scaling.base import Rule, Target
from constructs_lib.values import Value
from ml_contract.errors import reject

_Policy = scaling.CfnScalingPolicy
Period = Literal[10, 20, 30, 60, 120, 300, 600, 900, 3600]
MOST_STEPS = 20
_LESS_IS_BUSIER = frozenset({"ModelCacheHit"})
"""Metrics that fall when capacity is missing."""


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


def step_policy(
    target: Target,
    name: str,
    *,
    adjustment: str,
    cooldown: int,
    aggregation: str,
    steps: tuple[Step, ...],
    least_change: int | None = None,
) -> scaling.CfnScalingPolicy:
    """A step policy, which does nothing until an alarm calls it."""
    return _Policy(
        target.scope,
        name,
        policy_name=name,
        policy_type="StepScaling",
        scaling_target_id=target.resource.ref,
        step_scaling_policy_configuration=_Policy.StepScalingPolicyConfigurationProperty(
            adjustment_type=adjustment,
            cooldown=cooldown,
            metric_aggregation_type=aggregation,
            min_adjustment_magnitude=least_change,
            step_adjustments=[step.render() for step in steps],
        ),
    )


def alarm(
    target: Target,
    name: str,
    metric: Metric,
    policy: scaling.CfnScalingPolicy,
    *,
    statistic: str,
    threshold: float,
    comparison: str,
    period: int,
    periods: int,
    missing: str,
) -> None:
    """The alarm that calls ``policy``."""
    dimensions = metric.dimensions(target.hosted)
    cloudwatch.CfnAlarm(
        target.scope,
        f"{name}Alarm",
        alarm_description=f"Scales {', '.join(dimensions.values())}: {metric.name}",
        namespace=metric.namespace,
        metric_name=metric.name,
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value) for key, value in dimensions.items()],
        statistic=statistic,
        threshold=threshold,
        comparison_operator=comparison,
        period=period,
        evaluation_periods=periods,
        datapoints_to_alarm=periods,
        treat_missing_data=missing,
        alarm_actions=[policy.ref],
    )
