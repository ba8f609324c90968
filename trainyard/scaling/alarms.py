"""When a CloudWatch alarm is in ALARM, from its document and the newest datapoints."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_contract.errors import reject
from trainyard.scaling.metrics import Signal

# API reference of PutMetricAlarm, read 2026-11-21. Bands of anomaly detection are left out.
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A metric alarm."""

    signal: Signal
    """What it watches."""
    threshold: float
    """Value that the metric is compared with."""
    comparison: str
    """One of PutMetricAlarm's comparison operators."""
    periods: int
    """Newest datapoints that it looks at."""
    datapoints: int
    """How many of them must breach."""
    missing: str
    """``breaching``, ``notBreaching``, ``ignore`` or ``missing``: what a missing datapoint counts as."""

    def rings(self, points: Sequence[float | None]) -> bool:
        """Whether the newest datapoints put it into ALARM. ``ignore`` and ``missing`` leave missing ones out."""
        newest = points[-self.periods :]
        breaching = sum(
            self.missing == "breaching" if value is None else _COMPARISONS[self.comparison](value, self.threshold)
            for value in newest
        )
        return breaching >= self.datapoints

    @property
    def above(self) -> bool:
        """It rings for high values."""
        return self.comparison.startswith("Greater")


def read_alarm(document: Mapping[str, Any]) -> Alarm:
    """From what DescribeAlarms or a template says.

    Raises:
        ContractError: An operator that is unknown, or more datapoints than periods.
    """
    name = str(document["AlarmName"])
    comparison, periods = str(document["ComparisonOperator"]), int(document["EvaluationPeriods"])
    if comparison not in _COMPARISONS:
        reject(
            f"{name}.ComparisonOperator",
            comparison,
            "step scaling needs a threshold",
            f"Use one of {', '.join(_COMPARISONS)}.",
        )
    datapoints = int(document.get("DatapointsToAlarm") or periods)
    if not 1 <= datapoints <= periods:
        reject(
            f"{name}.DatapointsToAlarm",
            datapoints,
            f"it must lie between 1 and EvaluationPeriods {periods}",
            "Lower it.",
        )
    queries = tuple(document.get("Metrics") or ())
    signal = Signal(
        key=name,
        namespace=str(document.get("Namespace") or ""),
        name=str(document.get("MetricName") or ""),
        statistic=str(document.get("Statistic") or document.get("ExtendedStatistic") or ""),
        period=int(document.get("Period") or 60),
        dimensions=tuple(sorted((each["Name"], str(each["Value"])) for each in document.get("Dimensions") or ())),
        queries=queries,
    )
    return Alarm(
        signal=signal,
        threshold=float(document["Threshold"]),
        comparison=comparison,
        periods=periods,
        datapoints=datapoints,
        missing=str(document.get("TreatMissingData") or "missing"),
    )
