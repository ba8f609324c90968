"""Prices: what the user gave, or else the dated table of a region (:mod:`trainyard.cost`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ml_contract.errors import ContractError, reject
from trainyard.cost.prices import Price as Listed
from trainyard.cost.prices import Prices, Usage
from trainyard.whatif.price import Price, given


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a command's prices come from. All methods refuse what was neither given nor found, and what is absurd."""

    region: str
    """Whose table is read for what was not given."""

    def instance(
        self, amount: float | None, option: str, name: str | None, *, usage: Usage, role: str = "the instance"
    ) -> Price:  # fmt: skip
        """Of an instance-hour on demand.

        Args:
            amount: What was given; None where the option was left out.
            option: Its name, for example ``--price``.
            name: Type to look up; None where none was named.
            usage: What it is hired for.
            role: What it is called where no type was named.
        """
        return self._price(amount, option, name, f"on demand, {usage}",
                           lambda table, kind: table.instance(kind, usage=usage), role)  # fmt: skip

    def known(self, name: str, *, usage: Usage) -> Price | None:
        """Of an instance-hour on demand, from the table; None where it has none."""
        row = Prices.load(self.region).find(f"{name}/{usage}")
        return None if row is None else self._listed(row, f"{name}, on demand, {usage}")

    def spot(self, amount: float | None, option: str, name: str | None) -> Price:
        """Of an instance-hour on spot; arguments as of `instance`."""
        return self._price(amount, option, name, "spot", lambda table, kind: table.spot(kind))

    def savings(
        self, amount: float | None, option: str, name: str | None, *, years: Literal[1, 3], usage: Usage
    ) -> Price:  # fmt: skip
        """Of an hour under a savings plan; arguments as of `instance`."""
        return self._price(amount, option, name, f"savings plan of {years} year{'s' if years > 1 else ''}, {usage}",
                           lambda table, kind: table.savings(kind, years=years, usage=usage))  # fmt: skip

    def gb_hour(self, amount: float | None, option: str, *, item: str, what: str) -> Price:
        """Of memory for an hour; tables have ``item`` by the second."""
        if amount is not None:
            return given(amount, option, what=what, unit="GB-hour")
        row = self._row(option, lambda table: table.item(item))
        return replace(self._listed(row, what), amount=3600 * row.amount, unit="GB-hour")

    def of(self, amount: float | None, option: str, *, item: str, unit: str, what: str) -> Price:
        """Of anything else that tables hold as ``item``."""
        if amount is not None:
            return given(amount, option, what=what, unit=unit)
        return self._listed(self._row(option, lambda table: table.item(item)), what)

    def _price(
        self, amount: float | None, option: str, name: str | None, how: str, find: Callable[[Prices, str], Listed],
        role: str = "the instance",
    ) -> Price:  # fmt: skip
        what = f"{name or role}, {how}"
        if amount is not None:
            return given(amount, option, what=what)
        if name is None:
            reject(option, None, f"nobody said what {what}, costs", f"Give {option}, or name the instance type.")
        return self._listed(self._row(option, lambda table: find(table, name)), what)

    def _row(self, option: str, find: Callable[[Prices], Listed]) -> Listed:
        try:
            return find(Prices.load(self.region))
        except ContractError as error:
            # Whoever asks what would be can say a price without a table.
            reject(error.field, error.value, error.rule, f"Give {option}. {error.way_out}")

    def _listed(self, row: Listed, what: str) -> Price:
        unit = "instance-hour" if row.unit == "hour" else row.unit
        source = f"{row.currency}, {self.region}, read {row.read.isoformat()} ({row.source})"
        return Price(what=what, amount=row.amount, unit=unit, source=source)
