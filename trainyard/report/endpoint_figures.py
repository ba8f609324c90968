"""What CloudWatch has of an endpoint: latency, requests and errors over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trainyard.operations.connection import Connection

PERCENTILES = ("p50", "p90", "p99")
"""Of latency."""
_POINTS = 300
_ERRORS = ("Invocation4XXErrors", "Invocation5XXErrors")


@dataclass(frozen=True, kw_only=True)
class Series:
    """Values over time."""

    times: tuple[datetime, ...]
    values: tuple[float, ...]


def figures_of(
    connection: Connection, endpoint: str, variants: Sequence[str], since: datetime, now: datetime
) -> dict[str, Series]:
    """Latency by percentile in milliseconds, requests, errors, of the variants together.

    Names and units: "Monitor Amazon SageMaker AI with Amazon CloudWatch" (latencies in microseconds), read 2026-11.
    """
    # A whole number of minutes: CloudWatch keeps shorter periods for three hours (GetMetricData).
    period = max(60, int((now - since).total_seconds() / _POINTS // 60 + 1) * 60)
    queries: list[dict[str, Any]] = []

    def ask(name: str, metric: str, statistic: str) -> None:
        parts = []
        for number, variant in enumerate(variants):
            identifier = f"{name}_{metric.lower()}_{number}"
            dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
            stat = {"Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions},
                    "Period": period, "Stat": statistic}  # fmt: skip
            queries.append({"Id": identifier, "MetricStat": stat})
            parts.append(identifier)

    for percentile in PERCENTILES:
        ask(percentile, "ModelLatency", percentile)
    ask("requests", "Invocations", "Sum")
    for metric in _ERRORS:
        ask("errors", metric, "Sum")
    pages = (
        connection.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=queries,
            StartTime=since - timedelta(seconds=period),
            EndTime=now,
            ScanBy="TimestampAscending",
        )
    )
    found: dict[str, dict[str, dict[datetime, float]]] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            name, metric, variant = result["Id"].split("_")
            one = found.setdefault(name, {}).setdefault(f"{metric}_{variant}", {})
            one.update(zip(result["Timestamps"], result["Values"], strict=True))
    return {name: _joined(found.get(name, {}), name) for name in (*PERCENTILES, "requests", "errors")}


def _joined(parts: Mapping[str, Mapping[datetime, float]], name: str) -> Series:
    """One series of all variants: counts are added, a latency is that of the slowest."""
    by_variant: dict[str, dict[datetime, float]] = {}
    for part, values in parts.items():
        one = by_variant.setdefault(part.partition("_")[2], {})
        for time, value in values.items():
            one[time] = one.get(time, 0.0) + value
    times = sorted({time for one in by_variant.values() for time in one})
    join = max if name in PERCENTILES else sum
    factor = 1e-3 if name in PERCENTILES else 1.0
    return Series(
        times=tuple(times),
        values=tuple(factor * join(one[time] for one in by_variant.values() if time in one) for time in times),
    )
