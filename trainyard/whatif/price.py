"""A price and where it is from. No estimate goes without both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from ml_contract.checks import between
from ml_contract.errors import reject

HIGHEST = 1e6
"""Above this a price is taken for a mistake: the dearest instance of the catalogue costs some hundreds an hour."""
HOURS_PER_MONTH = 730.0
"""As the AWS Pricing Calculator counts ("Pricing assumptions", read 2026-11-22): 365 x 24 / 12."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """An amount for a unit."""

    what: str
    """What is bought, for example ``ml.p4d.24xlarge, spot``."""
    amount: float
    """For one unit, in the currency that ``source`` names or its giver has in mind."""
    unit: str = "instance-hour"
    source: str
    """Who says so, and of which day."""

    def __post_init__(self) -> None:
        between(self.what, self.amount, 0, HIGHEST)

    @property
    def exact(self) -> Fraction:
        """The amount as it is written: of floats, 0.3 is not three times 0.1."""
        return Fraction(str(self.amount))

    def __str__(self) -> str:
        amount = f"{self.amount:.10f}".rstrip("0").rstrip(".")
        return f"{self.what}: {amount} per {self.unit}, {self.source}"


def given(amount: float, option: str, *, what: str, unit: str = "instance-hour") -> Price:
    """A price that the user gave.

    Args:
        amount: For one unit.
        option: Where it was given, for example ``--price``.
        what: What is bought.
        unit: What the amount is for.

    Raises:
        ContractError: It is nothing, negative, or absurd.
    """
    if not (math.isfinite(amount) and 0 < amount <= HIGHEST):
        reject(option, amount, f"a price is above 0 and at most {HIGHEST:,.0f}", f"Give what one {unit} costs.")
    return Price(what=what, amount=amount, unit=unit, source=f"given by {option}")


def saved(cost: float, otherwise: float) -> float:
    """Share of ``otherwise`` that ``cost`` saves; negative where it costs more."""
    return 1 - cost / otherwise if otherwise else 0.0
