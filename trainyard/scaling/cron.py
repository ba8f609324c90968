"""AWS's cron expressions: six fields, minute to year.

Source: Application Auto Scaling user guide, "Schedule recurring scaling actions using cron expressions", and
EventBridge's table of wildcards, read 2026-11-21: ``, - * / ? L W #``.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_contract.errors import reject

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
# Name, least, most, names.
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS),
    ("year", 1970, 2199, {}),
)


@dataclass(frozen=True)
class Cron:
    """A schedule of six fields."""

    fields: tuple[str, ...]
    """Minutes, hours, day of month, month, day of week, year."""

    def __post_init__(self) -> None:
        """Check every field once."""
        text = " ".join(self.fields)
        if len(self.fields) != 6:
            reject("Schedule", f"cron({text})", "cron has six fields", "Write for example cron(0 8 * * ? *).")
        if (self.fields[2] == "?") == (self.fields[4] == "?"):
            reject(
                "Schedule",
                f"cron({text})",
                "exactly one of day of month and day of week is ?",
                "Put ? for one of them.",
            )
        for value, (name, low, high, names) in zip(self.fields, _FIELDS, strict=True):
            if value == "?" and name in ("day of month", "day of week"):
                continue
            if name == "day of month" and (value in ("L", "LW") or value.endswith("W")):
                if value not in ("L", "LW"):
                    _numbers(value[:-1], name, low, high, names)
                continue
            if name == "day of week" and ("#" in value or value.endswith("L")):
                day, _, nth = value.partition("#")
                _numbers(day.removesuffix("L") or "7", name, low, high, names)
                if nth and nth not in "12345":
                    reject("Schedule", value, "a month has at most five of a weekday", "Write 1 to 5 after #.")
                continue
            _numbers(value, name, low, high, names)

    def matches(self, time: datetime) -> bool:
        """Whether the minute of ``time``, in the schedule's own time zone, is one of its."""
        minutes, hours, _, months, _, years = self.fields
        plain = ((minutes, time.minute, 0), (hours, time.hour, 1), (months, time.month, 3), (years, time.year, 5))
        return all(value in _numbers(text, *_FIELDS[index]) for text, value, index in plain) and self._on(time)

    def _on(self, time: datetime) -> bool:
        day, weekday = self.fields[2], self.fields[4]
        last = calendar.monthrange(time.year, time.month)[1]
        if day != "?":
            if day == "L":
                return time.day == last
            if day.endswith("W"):
                wanted = last if day == "LW" else int(day[:-1])
                return wanted <= last and time.day == _nearest_weekday(time.year, time.month, wanted, last)
            return time.day in _numbers(day, *_FIELDS[2])
        today = time.isoweekday() % 7 + 1
        if "#" in weekday:
            name, _, nth = weekday.partition("#")
            return today in _numbers(name, *_FIELDS[4]) and (time.day - 1) // 7 + 1 == int(nth)
        if weekday.endswith("L"):
            name = weekday.removesuffix("L")
            if not name:
                return today == 7
            return today in _numbers(name, *_FIELDS[4]) and time.day + 7 > last
        return today in _numbers(weekday, *_FIELDS[4])


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """The weekday nearest to ``day`` that lies in the same month."""
    shift = {5: -1, 6: 1}.get(datetime(year, month, day).weekday(), 0)
    if not 1 <= day + shift <= last:
        shift = 2 if shift < 0 else -2
    return (datetime(year, month, day) + timedelta(days=shift)).day


def _numbers(text: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.upper().split(","):
        span, slash, step = part.partition("/")
        first, dash, second = span.partition("-")
        try:
            begin = low if first == "*" else names.get(first) or int(first)
            end = names.get(second) or int(second) if dash else high if first == "*" or slash else begin
            stride = int(step) if slash else 1
        except ValueError:
            begin, end, stride = 1, 0, 0
        if not (low <= begin <= end <= high and stride >= 1):
            reject("Schedule", text, f"{name} holds numbers from {low} to {high}", "See AWS's table of cron fields.")
        found.update(range(begin, end + 1, stride))
    return frozenset(found)
