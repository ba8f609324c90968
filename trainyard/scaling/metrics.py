"""Which CloudWatch metric a policy follows, and how AWS watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import reject


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The two alarms that Application Auto Scaling makes for a target tracking policy.

    The figures are what DescribeAlarms shows of the alarms AWS makes; no guide states them as a rule. For
    high-resolution metrics AWS documents the period of 10 s alone: three of them, and the same quarter of an hour, are
    this project's reading.
    """

    period: int
    """Seconds between datapoints."""
    out_of: int
    """Consecutive datapoints above the target before it scales out."""
    in_of: int
    """Consecutive datapoints below ``IN_SHARE`` of the target before it scales in."""


IN_SHARE = 0.9
"""Scale-in needs a metric below this share of the target."""
MINUTE = Watch(period=60, out_of=3, in_of=15)
FAST = Watch(period=10, out_of=3, in_of=90)


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One time series that a policy needs."""

    key: str
    """Under which `Scaler.observe` takes its values: the policy's name, or the alarm's for step scaling."""
    namespace: str
    """Namespace in CloudWatch."""
    name: str
    """Name of the metric."""
    statistic: str
    """Statistic of each period."""
    period: int
    """Seconds between datapoints."""
    dimensions: tuple[tuple[str, str], ...] = ()
    """Names and values; empty for predefined metrics, whose dimensions are the scaled resource's own."""
    queries: tuple[Mapping[str, Any], ...] = ()
    """Metric math, as ``CustomizedMetricSpecification.Metrics`` has it; empty for a plain metric."""


@dataclass(frozen=True, kw_only=True)
class Predefined:
    """A metric that AWS knows by its type."""

    namespace: str
    """Namespace in CloudWatch."""
    name: str
    """Name of the metric."""
    statistic: str
    """Statistic of each period."""
    watch: Watch
    """How its alarms look."""


# SageMaker developer guide, "Define a scaling policy" and "CloudWatch metrics for SageMaker AI", read 2026-11-21.
_TABLE = (
    ("VariantInvocationsPerInstance", "InvocationsPerInstance", "Sum", MINUTE),
    ("VariantConcurrentRequestsPerModelHighResolution", "ConcurrentRequestsPerModel", "Maximum", FAST),
    ("VariantProvisionedConcurrencyUtilization", "ServerlessProvisionedConcurrencyUtilization", "Maximum", MINUTE),
    ("InferenceComponentInvocationsPerCopy", "InvocationsPerCopy", "Sum", MINUTE),
    ("InferenceComponentConcurrentRequestsPerCopyHighResolution", "ConcurrentRequestsPerCopy", "Maximum", FAST),
)  # fmt: skip
PREDEFINED = {
    f"SageMaker{kind}": Predefined(namespace="AWS/SageMaker", name=name, statistic=statistic, watch=watch)
    for kind, name, statistic, watch in _TABLE
}


def tracked(policy: str, configuration: Mapping[str, Any]) -> tuple[Signal, Watch]:
    """The metric of a target tracking configuration.

    Raises:
        ContractError: Not exactly one metric, a type that is not SageMaker's, or a customised metric without a name.
    """
    predefined = configuration.get("PredefinedMetricSpecification")
    customised = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (customised is None):
        reject(
            f"{policy}.TargetTrackingScalingPolicyConfiguration",
            sorted(configuration),
            "it needs exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification",
            "Name one metric.",
        )
    if predefined is not None:
        kind = str(predefined.get("PredefinedMetricType"))
        if kind not in PREDEFINED:
            reject(
                f"{policy}.PredefinedMetricType",
                kind,
                "SageMaker has no such metric",
                f"It has {', '.join(PREDEFINED)}.",
            )
        found = PREDEFINED[kind]
        return _signal(policy, found.namespace, found.name, found.statistic, found.watch.period), found.watch
    assert customised is not None
    queries = tuple(customised.get("Metrics") or ())
    if queries:
        return Signal(key=policy, namespace="", name="", statistic="", period=MINUTE.period, queries=queries), MINUTE
    for field in ("MetricName", "Namespace", "Statistic"):
        if not customised.get(field):
            reject(f"{policy}.{field}", customised.get(field), "a customised metric needs it", f"Give {field}.")
    dimensions = tuple(sorted((each["Name"], str(each["Value"])) for each in customised.get("Dimensions") or ()))
    name, namespace = str(customised["MetricName"]), str(customised["Namespace"])
    return _signal(policy, namespace, name, str(customised["Statistic"]), MINUTE.period, dimensions), MINUTE


def _signal(
    key: str, namespace: str, name: str, statistic: str, period: int, dimensions: tuple[tuple[str, str], ...] = ()
) -> Signal:
    return Signal(key=key, namespace=namespace, name=name, statistic=statistic, period=period, dimensions=dimensions)
