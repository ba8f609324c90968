"""What an estimate is made of: lines of a resource, and their sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

HOURS_A_MONTH = 730
"""As AWS's own calculator counts: 365 × 24 / 12."""


class Kind(StrEnum):
    """How sure a line is."""

    FIXED = "fixed"
    """Billed as long as the resource exists, whatever it does."""
    USE = "use"
    """Depends on use: an assumption is beside it."""
    RUN = "run"
    """Billed for each run, at most what the time limit allows."""
    UNKNOWN = "unknown"
    """Bills, or may bill, an amount that nothing here tells."""
    NOTE = "note"
    """Bills nothing more: something to know about a line before."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """From an amount to an amount; equal where there is nothing between."""

    low: float
    high: float

    @classmethod
    def of(cls, value: float) -> Range:
        """Exactly ``value``."""
        return cls(low=value, high=value)

    def __add__(self, other: Range) -> Range:
        return Range(low=self.low + other.low, high=self.high + other.high)

    def __mul__(self, factor: float) -> Range:
        return Range(low=self.low * factor, high=self.high * factor)


NOTHING = Range.of(0)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that a resource bills."""

    what: str
    """For people: ``2 × ml.g5.xlarge, on demand``."""
    kind: Kind
    monthly: Range | None = None
    """In dollars, of kinds ``fixed`` and ``use``."""
    run: float | None = None
    """In dollars, of kind ``run``."""
    how: str = ""
    """Its arithmetic, or why it is unknown."""
    assumed: tuple[str, ...] = ()
    """What was assumed, ``log_gb_per_month=5``."""
    prices: tuple[str, ...] = ()
    """Items of the price table that were used."""
    missing: tuple[str, ...] = ()
    """Items of the price table that were wanted and are not there."""

    @property
    def hourly(self) -> Range | None:
        """A 730th of a month."""
        return None if self.monthly is None else self.monthly * (1 / HOURS_A_MONTH)

    def as_run(self) -> Line:
        """The same amount, billed once a run."""
        assert self.monthly is not None
        return replace(self, kind=Kind.RUN, run=self.monthly.high, monthly=None)

    def as_use(self) -> Line:
        """The amount of a run, billed once a month."""
        assert self.run is not None
        return replace(self, kind=Kind.USE, run=None, monthly=Range.of(self.run))


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What lines come to, each kind for itself."""

    fixed: Range = NOTHING
    use: Range = NOTHING
    run: float = 0
    unknown: int = 0
    """How many lines are unknown: a sum beside them is a floor."""

    def __add__(self, other: Sum) -> Sum:
        return Sum(
            fixed=self.fixed + other.fixed,
            use=self.use + other.use,
            run=self.run + other.run,
            unknown=self.unknown + other.unknown,
        )


def total(lines: Iterable[Line]) -> Sum:
    """The sum of lines."""
    found = Sum()
    for line in lines:
        found += Sum(
            fixed=line.monthly or NOTHING if line.kind is Kind.FIXED else NOTHING,
            use=line.monthly or NOTHING if line.kind is Kind.USE else NOTHING,
            run=line.run or 0,
            unknown=1 if line.kind is Kind.UNKNOWN else 0,
        )
    return found
