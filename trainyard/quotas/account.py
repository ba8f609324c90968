"""What an account has of quotas, and how much of it is in use: through the Service Quotas API and CloudWatch.

Sources, read 2026-11-22: GetServiceQuota, Service Quotas API reference (the value that applies to the account, and not
AWS's default, which is far lower once an increase was granted; UsageMetric says where the use is published). SageMaker
publishes every 20 minutes or so, and late: a day is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from trainyard.quotas.codes import SERVICE, codes

_ABSENT = "NoSuchResourceException"


class Clients(Protocol):
    """Whatever makes boto3 clients."""

    def client(self, service: str) -> Any:
        """The client of a service."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One quota beside what is needed of it."""

    name: str
    code: str | None
    """None: the table does not know the name."""
    needed: int
    """What the assembly takes at one time."""
    allowed: float | None
    """What the account may have; None: the account does not know the quota, or was not asked."""
    used: float | None
    """The most in use in the last day; None: nothing was published."""

    @property
    def lacking(self) -> bool:
        """Whether a deployment or a job would be refused, whatever else runs."""
        return self.allowed is not None and self.needed > self.allowed

    @property
    def request(self) -> str:
        """The command that asks AWS for what is needed."""
        return (
            f"aws service-quotas request-service-quota-increase --service-code {SERVICE} --quota-code {self.code} "
            f"--desired-value {self.needed}"
        )


def compare(needed: Mapping[str, int], clients: Clients | None) -> Iterator[Quota]:
    """Each quota that is needed, with what the account has of it.

    Args:
        needed: Quota's name → how many.
        clients: Of the account; None: it is not asked.
    """
    for name, count in needed.items():
        code = codes().get(name)
        allowed, used = (None, None) if clients is None or code is None else _read(code, clients)
        yield Quota(name=name, code=code, needed=count, allowed=allowed, used=used)


def _read(code: str, clients: Clients) -> tuple[float | None, float | None]:
    try:
        found = clients.client("service-quotas").get_service_quota(ServiceCode=SERVICE, QuotaCode=code)["Quota"]
    except ClientError as error:
        if error.response["Error"]["Code"] == _ABSENT:
            return None, None
        raise
    metric = found.get("UsageMetric")
    return float(found["Value"]), _used(metric, clients) if metric else None


def _used(metric: Mapping[str, Any], clients: Clients) -> float | None:
    now = datetime.now(UTC)
    answer = clients.client("cloudwatch").get_metric_statistics(
        Namespace=metric["MetricNamespace"],
        MetricName=metric["MetricName"],
        Dimensions=[{"Name": name, "Value": value} for name, value in metric["MetricDimensions"].items()],
        StartTime=now - timedelta(days=1),
        EndTime=now,
        Period=3600,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in answer["Datapoints"]), default=None)
