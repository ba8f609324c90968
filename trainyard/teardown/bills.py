"""What things cost a month, as far as a price table, the templates and the things themselves tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trainyard.cost.lines import HOURS_A_MONTH, Sum
from trainyard.cost.prices import Prices

GB = 1e9
"""Bytes of the gigabyte that storage is billed by here; AWS's price pages write GB."""


@dataclass(frozen=True, kw_only=True)
class Bill:
    """Dollars a month."""

    certain: float = 0
    """Bills as long as it exists."""
    use: float = 0
    """By use, under the assumptions of `trainyard cost`."""
    unknown: int = 0
    """How many of its lines have no price."""
    at_least: bool = False
    """Whether more is likely: only a part was counted."""

    @classmethod
    def of(cls, found: Sum) -> Bill:
        """Of an estimate, where a range stands its high end: what is paid at most."""
        return cls(certain=found.fixed.high, use=found.use.high, unknown=found.unknown)

    @property
    def bills(self) -> bool:
        """Whether it bills, or may."""
        return self.certain > 0 or self.use > 0 or self.unknown > 0

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            certain=self.certain + other.certain,
            use=self.use + other.use,
            unknown=self.unknown + other.unknown,
            at_least=self.at_least or other.at_least,
        )

    def __str__(self) -> str:
        parts = []
        if self.certain:
            parts.append(f"{dollars(self.certain)}/month")
        if self.use:
            parts.append(f"{dollars(self.use)}/month by use")
        if self.unknown:
            parts.append(f"{self.unknown} unknown")
        floor = "at least " if self.at_least and parts else ""
        return floor + ", ".join(parts) if parts else "nothing"


NOTHING = Bill()


def total(bills: Iterable[Bill]) -> Bill:
    """The sum."""
    return sum(bills, NOTHING)


def dollars(amount: float) -> str:
    """Two decimals, and never 0.00 for what is not nothing."""
    return f"{amount:,.2f}" if amount >= 0.005 else f"{amount:.2g}"


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """Prices of a region, where it has a table."""

    prices: Prices | None

    def stored(self, item: str, stored: float, *, at_least: bool = False) -> Bill:
        """``stored`` bytes of an item whose unit is a gigabyte and month."""
        return self._bill(item, stored / GB, at_least=at_least)

    def each(self, item: str, count: float = 1) -> Bill:
        """``count`` units a month."""
        return self._bill(item, count)

    def hourly(self, item: str, count: float = 1) -> Bill:
        """``count`` of what bills by the hour, for a month of hours."""
        return self._bill(item, count * HOURS_A_MONTH)

    def _bill(self, item: str, quantity: float, *, at_least: bool = False) -> Bill:
        if quantity <= 0:
            return Bill(at_least=at_least)
        price = self.prices.find(item) if self.prices else None
        if price is None:
            return Bill(unknown=1, at_least=at_least)
        return Bill(certain=quantity * price.amount, at_least=at_least)
