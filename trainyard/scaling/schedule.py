"""Scheduled actions: new limits at a time.

Source: API reference of PutScheduledAction, and the user guide's "Scheduled scaling", read 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml_contract.errors import reject
from trainyard.scaling.cron import Cron

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, kw_only=True)
class ScheduledAction:
    """New limits at a time, once or again and again."""

    name: str
    """Its name."""
    zone: ZoneInfo
    """Time zone of ``at`` and of cron."""
    at: float | None = None
    """Seconds since the epoch, for ``at(…)``."""
    every: float | None = None
    """Seconds between two times, for ``rate(…)``, counted from ``start``."""
    cron: Cron | None = None
    """Minutes, for ``cron(…)``."""
    start: float | None = None
    """Not before, seconds since the epoch."""
    end: float | None = None
    """Not after, seconds since the epoch."""
    minimum: int | None = None
    """New lower limit; None leaves it."""
    maximum: int | None = None
    """New upper limit; None leaves it."""

    def due(self, after: float, until: float) -> float | None:
        """Its newest time in (after, until], seconds since the epoch."""
        # ``start`` itself is a time, so what is excluded lies before it.
        low = after if self.start is None else max(after, self.start - 1e-6)
        high = until if self.end is None else min(until, self.end)
        if high <= low:
            return None
        if self.at is not None:
            return self.at if low < self.at <= high else None
        if self.every is not None:
            origin = self.start or 0.0
            time = origin + (high - origin) // self.every * self.every
            return time if time > low else None
        return self._minute(low, high)

    def _minute(self, low: float, high: float) -> float | None:
        assert self.cron is not None
        minute = high // 60 * 60
        while minute > low:
            local = datetime.fromtimestamp(minute, self.zone)
            # The hour that a change of the clocks repeats counts once.
            if not local.fold and self.cron.matches(local):
                return minute
            minute -= 60
        return None


def read_action(document: Mapping[str, Any]) -> ScheduledAction:
    """From what DescribeScheduledActions or a template says.

    Raises:
        ContractError: No schedule that AWS would take, an unknown time zone, no limit, or a minimum above the maximum.
    """
    name, schedule = str(document["ScheduledActionName"]), str(document["Schedule"]).strip()
    limits = document.get("ScalableTargetAction") or {}
    minimum, maximum = limits.get("MinCapacity"), limits.get("MaxCapacity")
    if minimum is None and maximum is None:
        reject(f"{name}.ScalableTargetAction", dict(limits), "it changes nothing", "Give MinCapacity or MaxCapacity.")
    if minimum is not None and maximum is not None and int(minimum) > int(maximum):
        reject(f"{name}.MinCapacity", minimum, f"it is above MaxCapacity {maximum}", "Lower it.")
    zone = _zone(name, document.get("Timezone"))
    match = re.fullmatch(r"(at|rate|cron)\((.*)\)", schedule)
    if match is None:
        reject(
            f"{name}.Schedule", schedule, "it must be at(…), rate(…) or cron(…)", "Write for example cron(0 8 * * ? *)."
        )
    kind, text = match.groups()
    times: dict[str, Any] = {}
    if kind == "cron":
        times["cron"] = Cron(tuple(text.split()))
    elif kind == "at":
        times["at"] = _at(name, text, zone)
    else:
        times["every"] = _rate(name, text)
    return ScheduledAction(
        name=name,
        zone=zone,
        start=_epoch(document.get("StartTime")),
        end=_epoch(document.get("EndTime")),
        minimum=None if minimum is None else int(minimum),
        maximum=None if maximum is None else int(maximum),
        **times,
    )


def _zone(name: str, value: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(value or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        reject(f"{name}.Timezone", value, "there is no such time zone", "Write for example Europe/Berlin.")


def _at(name: str, text: str, zone: ZoneInfo) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).timestamp()
    except ValueError:
        reject(f"{name}.Schedule", f"at({text})", "it must be yyyy-mm-ddThh:mm:ss", "Write at(2026-11-21T08:00:00).")


def _rate(name: str, text: str) -> float:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)s?", text)
    if match is None:
        reject(
            f"{name}.Schedule",
            f"rate({text})",
            "it must be a number and minutes, hours or days",
            "Write for example rate(5 minutes).",
        )
    return timedelta(seconds=int(match.group(1)) * _UNITS[match.group(2)]).total_seconds()


def _epoch(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, int | float):
        return float(value)
    time = datetime.fromisoformat(str(value))
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
