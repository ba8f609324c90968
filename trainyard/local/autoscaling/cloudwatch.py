"""What Application Auto Scaling needs of CloudWatch, answered in-process."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class CloudWatch(Protocol):
    """CloudWatch as services of the cloud use it: without a request over HTTP, so safe inside an operation."""

    def put_alarm(self, alarm: Mapping[str, Any]) -> None:
        """PutMetricAlarm."""

    def delete_alarms(self, names: Sequence[str]) -> None:
        """DeleteAlarms; names that are gone are no error."""

    def alarms_with(self, action: str) -> list[dict[str, Any]]:
        """The metric alarms that have an ARN among their AlarmActions, as DescribeAlarms shows them."""

    def statistic(
        self, namespace: str, name: str, dimensions: Mapping[str, str], statistic: str, *, seconds: float
    ) -> float | None:
        """A metric's statistic over the last seconds; None when there are no data."""
