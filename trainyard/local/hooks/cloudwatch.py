"""CloudWatch for the cloud's own services, in the process that serves it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import cloudwatch

from trainyard.local.cloudformation.aws import CallError, call


class InProcess:
    """Alarms through CloudWatch's own operations, metrics from its memory."""

    def put_alarm(self, alarm: Mapping[str, Any]) -> None:
        """PutMetricAlarm."""
        call("cloudwatch", "PutMetricAlarm", **alarm)

    def delete_alarms(self, names: Sequence[str]) -> None:
        """DeleteAlarms; names that are gone are no error."""
        for name in names:
            try:
                call("cloudwatch", "DeleteAlarms", AlarmNames=[name])
            except CallError as error:
                if error.code != "ResourceNotFound":
                    raise

    def alarms_with(self, action: str) -> list[dict[str, Any]]:
        """The metric alarms that have an ARN among their AlarmActions, as DescribeAlarms shows them."""
        return [dict(alarm) for alarm in list(cloudwatch._alarms.values()) if action in alarm.get("AlarmActions", [])]

    def measure(self, namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str) -> None:
        """Publishes a datum of now, as a service of AWS does."""
        cloudwatch._store_datum(namespace, name, dict(dimensions), time.time(), unit, value, None, None, None)

    def statistic(
        self, namespace: str, name: str, dimensions: Mapping[str, str], statistic: str, *, seconds: float
    ) -> float | None:
        """A metric's statistic over the last seconds; None when there are no data."""
        since = time.time() - seconds
        points = []
        for point in reversed(cloudwatch._metrics.get((namespace, name, cloudwatch._dims_key(dict(dimensions)))) or []):
            if point["Timestamp"] < since:
                break
            points.append(point)
        if not points:
            return None
        value: float | None = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
        return value
