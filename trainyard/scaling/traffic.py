"""What CloudWatch would show of a resource that a trace's requests reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ml_contract.errors import reject
from trainyard.scaling.metrics import Signal


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A resource under load, at one time."""

    requests: float
    """Requests a minute that arrive."""
    active: int
    """Instances, copies or provisioned environments in service."""
    backlog: float
    """Requests that wait; for asynchronous endpoints."""
    per_instance: float
    """Requests a minute that one can answer."""
    latency: float
    """Seconds that one request takes."""

    gpus: int = 1
    """GPUs of an instance: the metric of an instance adds them up."""

    @property
    def at_once(self) -> float:
        """Requests in the server at a time (Little's law)."""
        return self.requests / 60 * self.latency


def _each(value: float, moment: Moment) -> float | None:
    return value / moment.active if moment.active else None


def _utilisation(moment: Moment) -> float | None:
    share = _each(moment.requests / moment.per_instance, moment)
    return None if share is None else min(100.0, 100 * share)


# SageMaker developer guide, "CloudWatch metrics for SageMaker AI", read 2026-11-21. A metric of an instance has no
# datapoint while there is none.
_SERIES: dict[str, Callable[[Moment], float | None]] = {
    "InvocationsPerInstance": lambda now: _each(now.requests, now),
    "InvocationsPerCopy": lambda now: _each(now.requests, now),
    "ConcurrentRequestsPerModel": lambda now: _each(now.at_once, now),
    "ConcurrentRequestsPerCopy": lambda now: _each(now.at_once, now),
    "ServerlessProvisionedConcurrencyUtilization": lambda now: _each(now.at_once, now),
    "ApproximateBacklogSize": lambda now: now.backlog,
    "ApproximateBacklogSizePerInstance": lambda now: _each(now.backlog, now),
    "HasBacklogWithoutCapacity": lambda now: float(now.backlog > 0 and not now.active),
    "NoCapacityInvocationFailures": lambda now: 0.0 if now.active else now.requests,
    "CPUUtilization": _utilisation,
    "GPUUtilization": lambda now: None if (share := _utilisation(now)) is None else now.gpus * share,
    "GPUUtilizationNormalized": _utilisation,
}


def told(signal: Signal) -> bool:
    """Whether requests tell a metric."""
    return signal.name in _SERIES


def check(signal: Signal) -> None:
    """Refuse a metric that cannot be told from requests.

    Raises:
        ContractError: It is another metric, or metric math.
    """
    if not told(signal):
        known = ", ".join(_SERIES)
        reject(f"{signal.key}.MetricName", signal.name or "metric math", "a trace of requests does not tell it",
               f"The simulator knows {known}.")  # fmt: skip


def datapoint(signal: Signal, moment: Moment) -> float | None:
    """The datapoint of a signal; None where CloudWatch would have none."""
    return _SERIES[signal.name](moment)
