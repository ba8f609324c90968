"""Retry policies of steps.

Rules: docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html (read in November 2026).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SERVICE_FAULT: Final = "Step.SERVICE_FAULT"
THROTTLING: Final = "Step.THROTTLING"
INTERNAL_ERROR: Final = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR: Final = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT: Final = "SageMaker.RESOURCE_LIMIT"

RETRYABLE_STEPS: Final = frozenset({"Training", "Processing", "RegisterModel", "Model"})
"""Of the step types that are run here, those that AWS retries."""

_LONGEST_WAIT_SECONDS = 43_200.0  # AWS's limit on IntervalSeconds; a growing wait stops there too.
_EXCEPTIONS = (SERVICE_FAULT, THROTTLING, INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT)
_NUMBERS = {
    "IntervalSeconds": (0, 43_200),
    "BackoffRate": (0, None),
    "MaxAttempts": (0, 20),
    "ExpireAfterMin": (0, 14_400),
}
_THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown")
# How SageMaker begins the FailureReason of a job.
_REASONS = {
    "InternalServerError": INTERNAL_ERROR,
    "CapacityError": CAPACITY_ERROR,
    "InsufficientCapacityError": CAPACITY_ERROR,
    "ResourceLimitExceeded": RESOURCE_LIMIT,
}


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a failed step is tried again."""

    exceptions: frozenset[str]
    """The failures that it covers."""
    interval_seconds: float = 1.0
    """Wait before the first retry."""
    backoff_rate: float = 2.0
    """By what the wait is multiplied at each further retry."""
    max_attempts: int = 5
    """Most retries; without meaning when `expire_after_minutes` is given."""
    expire_after_minutes: float | None = None
    """No retry later than this after the step began. None: `max_attempts` counts."""

    def wait(self, retries: int, age_seconds: float) -> float | None:
        """Seconds until the next try after `retries` retries, or None when there is none.

        Args:
            retries: how often this policy has retried the step already.
            age_seconds: time since the step began.
        """
        if self.expire_after_minutes is None:
            if retries >= self.max_attempts:
                return None
        elif age_seconds >= self.expire_after_minutes * 60:
            return None
        try:
            return min(self.interval_seconds * self.backoff_rate**retries, _LONGEST_WAIT_SECONDS)
        except OverflowError:
            return _LONGEST_WAIT_SECONDS


DEFAULT: Final = RetryPolicy(exceptions=frozenset({SERVICE_FAULT, THROTTLING}))
"""AWS retries these two by itself and does not say how often: the defaults of a policy are taken."""


def problems(raw: object, step_type: str) -> Iterator[str]:
    """What is wrong with the RetryPolicies of a step."""
    if not isinstance(raw, list):
        yield "RetryPolicies: it must be a list"
        return
    if raw and step_type not in RETRYABLE_STEPS:
        yield f"RetryPolicies: a {step_type} step is not retried; remove them"
    for index, item in enumerate(raw):
        yield from (f"RetryPolicies[{index}]{problem}" for problem in _problems(item))


def parse(raw: list[Mapping[str, Any]]) -> tuple[RetryPolicy, ...]:
    """The policies of a step whose RetryPolicies have no problems."""
    return tuple(
        RetryPolicy(
            exceptions=frozenset(item["ExceptionType"]),
            interval_seconds=item.get("IntervalSeconds", 1),
            backoff_rate=item.get("BackoffRate", 2.0),
            max_attempts=item.get("MaxAttempts", 5),
            expire_after_minutes=item.get("ExpireAfterMin"),
        )
        for item in raw
    )


def policy_for(policies: tuple[RetryPolicy, ...], failure: str | None) -> tuple[int, RetryPolicy] | None:
    """The first policy that covers a failure, with its index; the service's own has the index -1."""
    for index, policy in enumerate(policies):
        if failure in policy.exceptions:
            return index, policy
    return (-1, DEFAULT) if failure in DEFAULT.exceptions else None


def of_call(code: str, status: int) -> str | None:
    """The exception type of a call that failed with an error code and an HTTP status, or None."""
    if code in _THROTTLED:
        return THROTTLING
    if code == "ResourceLimitExceeded":
        return RESOURCE_LIMIT
    return SERVICE_FAULT if status >= 500 else None


def of_reason(reason: str) -> str | None:
    """The exception type of a job that failed with a FailureReason, or None."""
    return next((kind for start, kind in _REASONS.items() if reason.startswith(start)), None)


def _problems(item: object) -> Iterator[str]:
    if not isinstance(item, Mapping):
        yield ": it must be an object with ExceptionType"
        return
    for name in sorted(set(item) - {"ExceptionType", *_NUMBERS}):
        yield f": unknown field {name!r}; a policy has ExceptionType, {', '.join(_NUMBERS)}"
    types = item.get("ExceptionType")
    if not isinstance(types, list) or not types or not set(map(str, types)) <= set(_EXCEPTIONS):
        yield f".ExceptionType: got {types!r}, but it must be a list of {', '.join(_EXCEPTIONS)}"
    if "MaxAttempts" in item and "ExpireAfterMin" in item:
        yield ": MaxAttempts and ExpireAfterMin exclude each other; give one"
    for name, (low, high) in _NUMBERS.items():
        if name in item:
            yield from _number(name, item[name], low, high)


def _number(name: str, value: object, low: int, high: int | None) -> Iterator[str]:
    whole = name != "BackoffRate"
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or not whole)
        and low <= value <= (high or float("inf"))
    )
    if not fits:
        kind = "a whole number" if whole else "a number"
        yield f".{name}: got {value!r}, but it must be {kind} from {low}" + (f" to {high}" if high else "")
