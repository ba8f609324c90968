"""What a command says: a sentence, tables, prices, assumptions, plots."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainyard.whatif.price import Price

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as text, numbers in all columns but the first."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One question answered."""

    title: str
    """What was asked."""
    finding: str
    """The answer in a sentence."""
    tables: tuple[Table, ...]
    prices: tuple[Price, ...]
    """All that the figures rest on."""
    assumptions: tuple[str, ...]
    """What was taken for granted, and by which option another value is given."""
    formulas: tuple[str, ...] = ()
    """Where the arithmetic is from."""
    data: Mapping[str, Any]
    """The figures themselves, for JSON: hours, shares, and money in the prices' currency."""
    figures: Callable[[], Sequence[tuple[str, go.Figure]]] = field(default=tuple, repr=False)
    """Plots with a caption; drawn only where somebody looks."""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "finding": self.finding,
            **self.data,
            "prices": [{"what": each.what, "amount": each.amount, "unit": each.unit, "source": each.source}
                       for each in self.prices],
            "assumptions": list(self.assumptions),
            "formulas": list(self.formulas),
        }  # fmt: skip


def money(amount: float) -> str:
    """An amount for a reader: two decimals, more where three digits would not show."""
    if not amount or abs(amount) >= 0.1:
        return f"{amount:,.2f}"
    text = f"{amount:.{2 - math.floor(math.log10(abs(amount)))}f}"
    return text.rstrip("0")


def hours(seconds: float) -> str:
    """A time for a reader."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.2f} h"
