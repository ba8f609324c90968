"""The period that a budget counts, and what it will have cost at its end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from trainyard.local.budgets.spend import Charge

FORECAST_DAYS = 35
"""Days of use that AWS wants before it forecasts: "approximately 5 weeks" ("Best practices for AWS Budgets", AWS Cost
Management User Guide, read 2026-11-22)."""
_MONTHS = {"MONTHLY": 1, "QUARTERLY": 3, "ANNUALLY": 12}
TIME_UNITS = ("DAILY", *_MONTHS)


def period(unit: str, now: float) -> tuple[float, float]:
    """Begin and end of the period that ``now`` lies in, in seconds since 1970: calendar periods, UTC.

    Args:
        unit: DAILY, MONTHLY, QUARTERLY or ANNUALLY.
        now: seconds since 1970.
    """
    # The whole second: a time in the last half of a microsecond would be rounded into the next period.
    today = datetime.fromtimestamp(math.floor(now), UTC).replace(hour=0, minute=0, second=0)
    if unit == "DAILY":
        return today.timestamp(), (today + timedelta(days=1)).timestamp()
    months = _MONTHS[unit]
    begin = today.replace(month=(today.month - 1) // months * months + 1, day=1)
    year, month = divmod(begin.month - 1 + months, 12)
    return begin.timestamp(), begin.replace(year=begin.year + year, month=month + 1).timestamp()


def forecast(charges: Iterable[Charge], unit: str, now: float) -> float | None:
    """What the period will have cost at its end at the rate of the last weeks, in USD; None before there are enough.

    Args:
        charges: all that the budget counts, of any time.
        unit: of the period.
        now: seconds since 1970.
    """
    rows = list(charges)
    since = now - FORECAST_DAYS * 86400
    if not any(charge.time <= since for charge in rows):
        return None
    begin, end = period(unit, now)
    rate = sum(charge.usd for charge in rows if charge.time > since) / (now - since)
    return sum(charge.usd for charge in rows if charge.time >= begin) + rate * (end - now)


def counted(tags: Mapping[str, str], filters: Mapping[str, Iterable[str]]) -> bool:
    """Whether a budget with these CostFilters counts what has these tags.

    Values of a filter are alternatives, those of different tags too ("TagKeyValue" filters, AWS Budgets): a budget of
    two tags at once needs one tag that says both.

    Args:
        tags: of the resource.
        filters: ``TagKeyValue`` → ``user:KEY$VALUE``.
    """
    wanted = [text.removeprefix("user:").partition("$") for text in filters.get("TagKeyValue", ())]
    return not wanted or any(tags.get(key) == value for key, _, value in wanted)
