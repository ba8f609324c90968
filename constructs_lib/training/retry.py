"""When a step is tried again.

Source: "Retry Policy for Pipeline Steps", SageMaker Developer Guide, read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

Failure = Literal[
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
]


class RetryPolicy(Value):
    """Tries a step again after certain failures, with growing pauses."""

    failures: tuple[Failure, ...] = Field(min_length=1)
    """Failures that the policy answers."""
    interval_seconds: int = Field(ge=1, le=43200)
    """Pause before the first further attempt."""
    backoff_rate: float = Field(default=2.0, ge=1.0, le=10.0)
    """Factor by which each pause grows; 2 by default."""
    max_attempts: int | None = Field(default=None, ge=1, le=20)
    """Further attempts at most; either this or ``expire_after_minutes``."""
    expire_after_minutes: int | None = Field(default=None, ge=1, le=14400)
    """Time after which no further attempt starts; either this or ``max_attempts``."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.max_attempts is None) == (self.expire_after_minutes is None):
            reject("max_attempts", self.max_attempts,
                   f"exactly one of max_attempts and expire_after_minutes ({self.expire_after_minutes}) is given",
                   "Give attempts or a time.")  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        """The policy as the definition writes it."""
        limit = (
            {"MaxAttempts": self.max_attempts} if self.max_attempts else {"ExpireAfterMin": self.expire_after_minutes}
        )
        return {"ExceptionType": list(self.failures), "IntervalSeconds": self.interval_seconds,
                "BackoffRate": self.backoff_rate, **limit}  # fmt: skip


def check_disjoint(policies: Sequence[RetryPolicy]) -> None:
    """Refuse two policies that answer the same failure.

    Raises:
        ContractError: A failure is named twice.
    """
    failures = [failure for policy in policies for failure in policy.failures]
    for failure in failures:
        if failures.count(failure) > 1:
            reject("retries", failure, "one policy answers a failure", "Name it in one policy only.")
