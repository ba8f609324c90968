"""A kind of resource that holds data: how much is in it, how it is emptied and deleted, what it costs."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from trainyard.teardown.bills import Bill, Tariff
from trainyard.teardown.looking import Look

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What is in a thing now."""

    says: str
    """For people: ``12 objects and versions, 3.2 MB``."""
    data: bool
    """Whether anything would be lost."""
    bill: Bill
    """What keeping it costs."""
    key: str | None = None
    """ARN of the KMS key that it is encrypted under, where an account's own is."""


class Holder(ABC):
    """One kind; it registers itself by naming its CloudFormation type."""

    registered: ClassVar[dict[str, Holder]] = {}
    type: ClassVar[str]
    """CloudFormation's name."""
    noun: ClassVar[str]
    """For people."""
    record: ClassVar[bool] = False
    """Whether it holds what was noted about work, which one word confirms together, and not the work itself."""
    in_network: ClassVar[bool] = False
    """Whether it holds addresses of the network: kept, it keeps its stack and those that this uses."""

    def __init_subclass__(cls) -> None:
        if not inspect.isabstract(cls):
            Holder.registered[cls.type] = cls()

    @abstractmethod
    def arn(self, identity: str, account: str, region: str) -> str:
        """Its ARN, from what CloudFormation calls its physical id."""

    @abstractmethod
    def identity(self, arn: str) -> str | None:
        """The physical id of the thing with this ARN; None for an ARN of another kind."""

    @abstractmethod
    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        """What is in it; None where it is gone."""

    def prepare(self, look: Look, identity: str, say: Say) -> None:  # noqa: B027 (most kinds need nothing)
        """Save what only lies here and can be had elsewhere, before anything is lost."""

    @abstractmethod
    def empty(self, look: Look, identity: str, say: Say) -> None:
        """Delete what is in it, so that its stack can delete it; nothing where the deletion takes it along."""

    @abstractmethod
    def delete(self, look: Look, identity: str, say: Say) -> None:
        """Delete it once it is empty; what is gone already is no error."""


def plain_name(service: str, arn: str, kind: str = "") -> str | None:
    """What follows ``kind`` in an ARN of ``service``."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] != service or not parts[5].startswith(kind):
        return None
    return parts[5].removeprefix(kind)


def size(stored: float) -> str:
    """``3.2 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if stored < 1000:
            return f"{stored:.3g} {unit}"
        stored /= 1000
    return f"{stored:,.1f} TB"


def count(number: int, noun: str, *, more: bool = False) -> str:
    """``1 object``, ``2 objects``, ``more than 2 objects``."""
    return f"{'more than ' if more else ''}{number:,} {noun}{'' if number == 1 else 's'}"
