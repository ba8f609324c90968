"""Traffic over time: requests of every minute, from a CSV file or the built-in day."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml_contract.errors import reject
from trainyard.scaling.scaler import Scaler

DAY = ((6, 10), (12, 2), (6, 1))
"""Hours and the instances that they need: the autoscaling day of shared/facts/costs.md."""
DAY_LOAD = 0.95
"""Share of an instance's target that the day puts on each: between the 90 % and the 100 % that AWS leaves alone."""
_A_MINUTE = ("InvocationsPerInstance", "InvocationsPerCopy")
_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Requests, minute by minute."""

    begin: datetime
    """The first minute."""
    requests: tuple[float, ...]
    """Requests in each minute from then on."""

    def time(self, minute: int) -> datetime:
        """When a minute begins."""
        return self.begin + timedelta(minutes=minute)


def per_instance(scaler: Scaler) -> float | None:
    """Requests a minute that the policies want on each instance; None where none of them says.

    A fair guess of what one can answer, on the careful side.
    """
    found = [policy.target for policy in scaler.tracking if policy.signal.name in _A_MINUTE]
    return min(found, default=None)


def built_in_day(per_instance: float) -> Trace:
    """A day that needs 10 instances for 6 hours, 2 for 12 and 1 for 6.

    Args:
        per_instance: Requests a minute that the policy wants on each instance.
    """
    minutes = [count * per_instance * DAY_LOAD for hours, count in DAY for _ in range(hours * 60)]
    return Trace(begin=_BEGIN, requests=tuple(minutes))


def read_trace(file: Path) -> Trace:
    """Read a CSV file with the columns ``time`` (ISO 8601) and ``requests``, a row a minute.

    Raises:
        ContractError: No such file or column, no row, or a row that is no number, negative, unsorted or after a gap.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(lines)
            missing = {"time", "requests"} - set(rows.fieldnames or ())
            if missing:
                reject(
                    str(file), rows.fieldnames, "it needs the columns time and requests", "Name them in the first line."
                )
            parsed = list(_parsed(file, rows))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reject(
            "trace", str(file), f"it cannot be read ({error})", "Give a CSV file with the columns time and requests."
        )
    if not parsed:
        reject(str(file), [], "it has no row below the first line", "Give a row a minute.")
    for number, ((before, _), (time, _)) in enumerate(itertools.pairwise(parsed), start=3):
        if time <= before:
            reject(f"{file}:{number}.time", time.isoformat(), f"it is not after {before.isoformat()}", "Sort the rows.")
        if time - before != timedelta(minutes=1):
            reject(f"{file}:{number}.time", time.isoformat(), f"{before.isoformat()} is not the minute before",
                   "Give every minute; one without traffic has 0 requests.")  # fmt: skip
    return Trace(begin=parsed[0][0], requests=tuple(value for _, value in parsed))


def _parsed(file: Path, rows: csv.DictReader[str]) -> Iterator[tuple[datetime, float]]:
    for number, row in enumerate(rows, start=2):
        text, count = (row.get("time") or "").strip(), (row.get("requests") or "").strip()
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            reject(f"{file}:{number}.time", text, "it is no ISO 8601 time", "Write for example 2026-11-21T08:00.")
        try:
            value = float(count)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            reject(f"{file}:{number}.requests", count, "it is no number", "Write the requests of that minute.")
        if value < 0:
            reject(f"{file}:{number}.requests", value, "nobody sends less than no request", "Write 0 or more.")
        yield (time if time.tzinfo else time.replace(tzinfo=UTC)), value


def ideal(trace: Trace, per_instance: float, low: int, high: int) -> Sequence[int]:
    """Instances that each minute needs at ``per_instance`` requests on each, within the limits."""
    return [min(max(math.ceil(round(count / per_instance, 10)), low), high) for count in trace.requests]
