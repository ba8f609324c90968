"""What a team does with capacity that it does not use, and whether it uses others'."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.governance.limits import LEAST_BORROWED, MOST_BORROWED, MOST_TYPES
from constructs_lib.governance.resources import Allocation
from constructs_lib.values import Value
from ml_contract.errors import reject


class Sharing(Value):
    """A way to treat idle capacity."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """ResourceSharingConfig of the API."""

    @property
    def borrowed(self) -> tuple[Allocation, ...]:
        """What is borrowed at most, where it is said in devices or instances."""
        return ()


class DontLend(Sharing):
    """Idle capacity waits for its team."""

    def render(self) -> dict[str, Any]:
        return {"Strategy": "DontLend"}


class Lend(Sharing):
    """Others use what is idle, until the team wants it back; the team itself borrows nothing."""

    def render(self) -> dict[str, Any]:
        return {"Strategy": "Lend"}


class LendAndBorrow(Sharing):
    """Others use what is idle, and the team uses what others leave."""

    limit_percent: int = Field(default=50, ge=LEAST_BORROWED, le=MOST_BORROWED)
    """Most that is borrowed, per cent of the team's own quota; 50 is SageMaker's default."""
    limits: tuple[Allocation, ...] = Field(default=(), max_length=MOST_TYPES)
    """Most that is borrowed of single types, whatever the percentage says; none by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        rows = [limit.row for limit in self.limits]
        twice = [one for one in rows if rows.count(one) > 1]
        if twice:
            reject("limits", twice[0], "a type has one limit", "Keep one of them.")
        return self

    def render(self) -> dict[str, Any]:
        absolute = [limit.render() for limit in self.limits]
        return {
            "Strategy": "LendAndBorrow",
            "BorrowLimit": self.limit_percent,
            **({"AbsoluteBorrowLimits": absolute} if absolute else {}),
        }

    @property
    def borrowed(self) -> tuple[Allocation, ...]:
        return self.limits
