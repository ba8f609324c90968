"""An estimator knows what resources of some types bill; it registers itself by naming the types."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from trainyard.cost.assumptions import Assumptions
from trainyard.cost.lines import HOURS_A_MONTH, Kind, Line, Range
from trainyard.cost.prices import Price, Prices
from trainyard.cost.templates import Resource, Template

_FREE = Path(__file__).parents[1] / "tables" / "free.txt"


@dataclass(frozen=True, kw_only=True)
class Around:
    """What an estimator works with."""

    template: Template
    prices: Prices
    assumptions: Assumptions

    def fixed(self, what: str, item: str, quantity: float | Range = 1) -> Line:
        """A line that bills as long as the resource exists: ``quantity`` units of ``item``."""
        price, stands_in = self._price(item)
        amount = quantity if isinstance(quantity, Range) else Range.of(quantity)
        if price is None:
            return self._missing(what, item, amount.high)
        return Line(
            what=what,
            kind=Kind.USE if stands_in else Kind.FIXED,
            monthly=amount * (price.amount * _months(price)),
            how=f"{_quantity(amount)} × {price.amount:g} a {price.unit}",
            assumed=stands_in,
            prices=(price.item,),
        )

    def use(self, what: str, item: str, quantity: float, *assumed: str) -> Line:
        """A line that depends on use: ``quantity`` units of ``item`` a month, under assumptions of these names."""
        price = self.prices.find(item)
        if price is None:
            return self._missing(what, item)
        return Line(
            what=what,
            kind=Kind.USE,
            monthly=Range.of(quantity * price.amount * _months(price)),
            how=f"{quantity:,.6g} × {price.amount:g} a {price.unit}",
            assumed=tuple(self.assumptions.said(name) for name in assumed),
            prices=(item,),
        )

    def run(self, what: str, item: str, hours: float, *assumed: str) -> Line:
        """A line of one run: ``hours`` of ``item`` at most."""
        price, stands_in = self._price(item)
        if price is None:
            return self._missing(f"{what}, {hours:,.6g} h a run", item)
        return Line(
            what=what,
            kind=Kind.RUN,
            run=hours * price.hourly,
            how=f"{hours:,.6g} h × {price.amount:g}",
            assumed=(*(self.assumptions.said(name) for name in assumed), *stands_in),
            prices=(price.item,),
        )

    def plans(self, what: str, item: str, hours: Range, of: str) -> Iterator[Line]:
        """Notes: the same hours of an instance under savings plans, where the table has their prices.

        Args:
            what: The line that they belong to.
            item: Its item, ``ml.g5.xlarge/hosting``.
            hours: Hours of instances.
            of: What the hours are of: ``month`` or ``run``.
        """
        for years in (1, 3):
            price = self.prices.find(f"{item}/savings-{years}-year")
            if price is not None:
                how = f"{money(hours * price.hourly)}/{of} at {price.amount:g} an hour"
                yield Line(what=f"{what}: savings plan of {years} years", kind=Kind.NOTE, how=how, prices=(price.item,))

    def _price(self, item: str) -> tuple[Price | None, tuple[str, ...]]:
        """The price of ``item``; where it is missing, that of the same instance for another use, and which."""
        found = self.prices.find(item)
        if found is None and self.assumptions["jobs_cost_as_hosting"]:
            found = self.prices.alike(item)
            if found is not None:
                usage, other = (each.partition("/")[2] for each in (item, found.item))
                return found, (f"{usage} costs what {other} does (jobs_cost_as_hosting=1)",)
        return found, ()

    def _missing(self, what: str, item: str, quantity: float = 1) -> Line:
        """Without a price; with the price of the bare instance in EC2 for a scale, where it is known."""
        why = f"no price of {item} in {self.prices.region}"
        kind, _, usage = item.removeprefix("ml.").partition("/")
        bare = self.prices.find(f"{kind}/ec2") if item.startswith("ml.") and usage == "cluster" else None
        if bare is not None:
            month = quantity * bare.hourly * HOURS_A_MONTH
            why += f"; EC2 alone takes {bare.hourly:g} an hour for one, {month:,.0f} a month for {quantity:g}"
        return unknown(what, why, missing=(item,))


class Estimator(ABC):
    """What resources of one or more types bill."""

    types: ClassVar[tuple[str, ...]] = ()
    """CloudFormation types."""
    registered: ClassVar[dict[str, Estimator]] = {}

    def __init_subclass__(cls) -> None:
        if not inspect.isabstract(cls):
            for name in cls.types:
                assert name not in Estimator.registered, f"{name} has two estimators"
                Estimator.registered[name] = cls()

    @abstractmethod
    def lines(self, resource: Resource, around: Around, /) -> Iterator[Line]:
        """What it bills.

        Raises:
            NotTold: A value is missing; the lines before it count, and the rest is unknown.
        """


class Simple(Estimator):
    """A kind of resource that bills the same whatever its properties are."""

    fixed: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What, and its item of the price table: billed while it exists."""
    used: ClassVar[tuple[tuple[str, str, str, float], ...]] = ()
    """What, its item, the assumption of how much is used, and how many of that one unit of the price holds."""

    def lines(self, _resource: Resource, around: Around, /) -> Iterator[Line]:
        for what, item in self.fixed:
            yield around.fixed(what, item)
        for what, item, assumed, unit in self.used:
            yield around.use(what, item, around.assumptions[assumed] / unit, assumed)


def free_types() -> frozenset[str]:
    """Types that never bill by themselves."""
    lines = _FREE.read_text(encoding="utf-8").splitlines()
    return frozenset(line.partition("#")[0].strip() for line in lines) - {""}


def unknown(what: str, why: str, *, missing: Sequence[str] = ()) -> Line:
    """A line that bills, or may bill, an amount that nothing here tells."""
    return Line(what=what, kind=Kind.UNKNOWN, how=why, missing=tuple(missing))


def money(amount: Range, digits: int = 2) -> str:
    """Dollars, as a range where it is one."""
    low, high = (f"{each:,.{digits}f}" for each in (amount.low, amount.high))
    return low if low == high else f"{low} to {high}"


def _months(price: Price) -> float:
    return HOURS_A_MONTH if price.unit == "hour" else 1


def _quantity(amount: Range) -> str:
    return f"{amount.low:,.6g}" if amount.low == amount.high else f"{amount.low:,.6g} to {amount.high:,.6g}"
