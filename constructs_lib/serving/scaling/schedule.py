"""Capacity by the clock.

Source: PutScheduledAction, API reference, and "Schedule recurring scaling actions using cron expressions", Application
Auto Scaling User Guide, read 2026-11-21.
"""

from __future__ import annotations

import re
import zoneinfo
from datetime import UTC, datetime
from typing import ClassVar, Literal, Self

from aws_cdk import aws_applicationautoscaling as scaling
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted, Kind
from constructs_lib.serving.metrics import VARIANTS
from constructs_lib.serving.scaling.base import Rule, Target
from constructs_lib.values import Value
from ml_contract.errors import reject

_NUMBERS = r"(\*|\d{1,2})(-\d{1,2})?(/\d{1,2})?"
_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT"


def _list(item: str) -> str:
    return rf"^({item})(,({item}))*$"


class Cron(Value):
    """Times in the six fields of AWS's cron expressions."""

    minute: str = Field(default="0", pattern=_list(_NUMBERS))
    """0–59; on the hour by default."""
    hour: str = Field(pattern=_list(_NUMBERS))
    """0–23."""
    day: str = Field(default="*", pattern=_list(rf"{_NUMBERS}|\?|L|\d{{1,2}}W"))
    """Day of the month, 1–31; every day by default."""
    month: str = Field(default="*", pattern=_list(rf"{_NUMBERS}|({_MONTHS})(-({_MONTHS}))?"))
    """1–12 or JAN–DEC; every month by default."""
    weekday: str = Field(default="?", pattern=_list(rf"{_NUMBERS}|\?|({_DAYS})(-({_DAYS}))?|[1-7]L|[1-7]#[1-5]"))
    """1–7 or SUN–SAT; not asked for by default. With a weekday, ``day`` is ``?``."""
    year: str = Field(default="*", pattern=_list(r"(\*|\d{4})(-\d{4})?(/\d{1,3})?"))
    """1970–2199; every year by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.day == "?") == (self.weekday == "?"):
            reject("weekday", self.weekday, f"exactly one of day and weekday is '?', and day is {self.day!r}",
                   "Write Cron(hour='8', day='?', weekday='MON-FRI').")  # fmt: skip
        for name, text, least, most in (("minute", self.minute, 0, 59), ("hour", self.hour, 0, 23)):
            for number in map(int, re.findall(r"(?<![/\d])\d+", text)):
                if not least <= number <= most:
                    reject(name, text, f"it lies in {least}–{most}", "Correct it.")
        return self

    def render(self) -> str:
        """As the action has it."""
        return f"cron({self.minute} {self.hour} {self.day} {self.month} {self.weekday} {self.year})"


class At(Value):
    """One moment."""

    time: datetime
    """Local time in the action's time zone, so it has none of its own."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.time.tzinfo is not None or self.time.microsecond:
            reject("time", self.time.isoformat(), "it is whole seconds in the time zone of the action",
                   "Leave the zone out, and give Scheduled its time_zone.")  # fmt: skip
        return self

    def render(self) -> str:
        """As the action has it."""
        return f"at({self.time.isoformat()})"


class Rate(Value):
    """An interval."""

    every: int = Field(ge=1, le=9999)
    """Number of units."""
    unit: Literal["minute", "hour", "day"]
    """Unit."""

    def render(self) -> str:
        """As the action has it."""
        return f"rate({self.every} {self.unit}{'s' if self.every > 1 else ''})"


class Scheduled(Rule):
    """Moves the minimum and the maximum at given times; between them the other rules decide."""

    kinds: ClassVar[frozenset[Kind]] = VARIANTS | {"component", "serverless"}
    why_not: ClassVar[str] = "everything that scales can be scheduled"

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,127}$")
    """Name of the action, for example ``morning``."""
    times: Cron | At | Rate
    """When."""
    time_zone: str = "Etc/UTC"
    """Name in the IANA database, for example ``Europe/Berlin``; UTC by default. Rates have none."""
    minimum: int | None = Field(default=None, ge=0)
    """Least capacity from then on; unchanged by default."""
    maximum: int | None = Field(default=None, ge=0)
    """Most capacity from then on; unchanged by default."""
    start: datetime | None = None
    """First moment at which it may happen, with a time zone; at once by default."""
    end: datetime | None = None
    """Last moment at which it may happen, with a time zone; for ever by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.minimum is None and self.maximum is None:
            reject("minimum", None, "an action sets the minimum, the maximum or both", "Give one of them.")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            reject("minimum", self.minimum, f"it is at most maximum, {self.maximum}", "Swap the two.")
        if isinstance(self.times, Rate) and self.time_zone != "Etc/UTC":
            reject("time_zone", self.time_zone, "rates have no time zone", "Leave it out, or write a Cron.")
        if self.time_zone not in zoneinfo.available_timezones():
            reject("time_zone", self.time_zone, "the IANA database does not hold it",
                   "Names are written like Europe/Berlin.")  # fmt: skip
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and moment.tzinfo is None:
                reject(name, moment.isoformat(), "without a time zone it is no moment", "Add tzinfo=UTC.")
        if self.start and self.end and self.start >= self.end:
            reject("end", self.end.isoformat(), f"it comes after start, {self.start.isoformat()}", "Swap the two.")
        return self

    @property
    def lowest(self) -> int | None:
        return self.minimum

    def check_range(self, minimum: int, maximum: int) -> None:
        """Refuse a bound that passes the other one, which the action leaves as it is.

        Raises:
            ContractError: The minimum would exceed the maximum.
        """
        if self.maximum is None and self.minimum is not None and self.minimum > maximum:
            reject(f"scaling.rules.{self.name}.minimum", self.minimum, f"scaling.maximum is {maximum}",
                   "Give the action a maximum too.")  # fmt: skip
        if self.minimum is None and self.maximum is not None and self.maximum < minimum:
            reject(f"scaling.rules.{self.name}.maximum", self.maximum, f"scaling.minimum is {minimum}",
                   "Give the action a minimum too.")  # fmt: skip

    def check(self, hosted: Hosted) -> None:
        super().check(hosted)
        limit = hosted.max_concurrency
        if limit is not None and self.maximum is not None and self.maximum > limit:
            reject(f"scaling.rules.{self.name}.maximum", self.maximum, f"the variant's max_concurrency is {limit}",
                   f"Give at most {limit}.")  # fmt: skip

    def bind(self, target: Target) -> None:
        table = scaling.CfnScalableTarget
        target.scheduled.append(
            table.ScheduledActionProperty(
                scheduled_action_name=self.name,
                schedule=self.times.render(),
                timezone=None if isinstance(self.times, Rate) else self.time_zone,
                start_time=_utc(self.start),
                end_time=_utc(self.end),
                scalable_target_action=table.ScalableTargetActionProperty(
                    min_capacity=self.minimum, max_capacity=self.maximum
                ),
            )
        )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
