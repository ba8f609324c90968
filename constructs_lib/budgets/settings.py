"""Value objects of budgets.

Limits: "Quotas and restrictions", AWS Cost Management User Guide, and AWS Budgets API reference (Notification), read
2026-11-22: 20,000 budgets an account, 10 notifications a budget, each with one topic and ten addresses.
Price: "AWS Budgets pricing", read 2026-11-22: budgets are free of charge; budgets with actions cost 0.10 USD a day from
the third on.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.budgets.tags import TEAM_NAME
from constructs_lib.budgets.used_up import UsedUp
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.symptoms import Severity

MOST_NOTIFICATIONS = 10


class Threshold(Value):
    """When somebody is told."""

    percent: float = Field(gt=0, le=1000)
    """Share of the limit, in per cent; more than 100 where a first overrun is expected."""
    of: Literal["actual", "forecast"]
    """What was spent; or what AWS expects at the period's end, for which it wants five weeks of use."""
    severity: Severity
    """Whose topic is told."""


class SpendLimit(Value):
    """What may be spent in a period."""

    usd: float = Field(gt=0, le=1e9)
    """Limit in USD."""
    period: Literal["monthly", "quarterly"]
    """Calendar months or quarters, UTC."""
    team: str | None = Field(default=None, pattern=TEAM_NAME)
    """Whose spend counts; None: that of the whole environment."""
    thresholds: tuple[Threshold, ...] = Field(min_length=1, max_length=MOST_NOTIFICATIONS)
    """Who is told when."""
    used_up: SerializeAsAny[UsedUp]
    """What happens at the limit."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [(threshold.percent, threshold.of) for threshold in self.thresholds]
        if len(set(keys)) < len(keys):
            reject("thresholds", keys, "AWS takes each percentage of actual and of forecast spend once a budget",
                   "Remove the second; the more severe topic is enough.")  # fmt: skip
        return self
