"""Step policies, and the alarms that call them."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib.serving.metrics import Metric
from constructs_lib.serving.scaling.base import Target
from constructs_lib.serving.scaling.intervals import Step

_Policy = scaling.CfnScalingPolicy


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
