"""Reading through the API. What cannot be read leaves a sentence, not a hole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from trainyard.cost.prices import Prices
from trainyard.operations.connection import Connection, OperationError

_T = TypeVar("_T")


@dataclass
class Reader:
    """Reads, and keeps what it could not."""

    connection: Connection
    """The cloud."""
    prices: Prices
    """Of its region."""
    now: datetime
    """When it is asked."""
    gaps: list[str] = field(default_factory=list)
    """What could not be read, a sentence each."""

    def attempt(self, what: str, read: Callable[[], _T]) -> _T | None:
        """What ``read`` gives, or None where the cloud refuses: a report of the rest is worth having."""
        from botocore.exceptions import ClientError

        try:
            return read()
        except ClientError as refusal:
            error = refusal.response["Error"]
            self.gaps.append(f"{what} could not be read: {error['Code']}: {error['Message']}")
        except OperationError as refusal:
            self.gaps.append(f"{what} could not be read: {refusal}")
        return None
