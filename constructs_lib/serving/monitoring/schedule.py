"""When captured data is looked at, in the few forms that SageMaker takes.

Sources, read 2026-11-21: ScheduleConfig and MonitoringStoppingCondition, SageMaker API reference.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from pydantic import Field

from constructs_lib.values import Value
from ml_contract.errors import reject

HOUR = 3600


class Schedule(Value):
    """Times at which a monitor runs, up to 20 minutes late."""

    @property
    @abstractmethod
    def hours(self) -> int:
        """Time between two runs."""

    @abstractmethod
    def render(self) -> str:
        """As the schedule has it."""


class Hourly(Schedule):
    """Every hour."""

    @property
    def hours(self) -> int:
        return 1

    def render(self) -> str:
        return "cron(0 * ? * * *)"


class Daily(Schedule):
    """Once a day."""

    hour: int = Field(ge=0, le=23)
    """Hour, UTC."""

    @property
    def hours(self) -> int:
        return 24

    def render(self) -> str:
        return f"cron(0 {self.hour} ? * * *)"


class EveryHours(Schedule):
    """Several times a day."""

    every: Literal[2, 3, 4, 6, 8, 12]
    """Hours between two runs: a divisor of the day, or the last interval of each day would be shorter."""
    start: int = Field(default=0, ge=0, le=23)
    """Hour of the first run of a day, UTC; midnight by default."""

    @property
    def hours(self) -> int:
        return self.every

    def render(self) -> str:
        return f"cron(0 {self.start}/{self.every} ? * * *)"


def check_run_time(seconds: int, schedule: Schedule, hourly_limit: int) -> None:
    """Refuse a run time that reaches into the next run.

    Args:
        seconds: Longest run time.
        schedule: When it runs.
        hourly_limit: Longest run time of this kind of monitor where it runs every hour, seconds.

    Raises:
        ContractError: It is longer.
    """
    limit = hourly_limit if schedule.hours == 1 else min(schedule.hours * HOUR, 24 * HOUR)
    if seconds > limit:
        reject("resources.max_run_seconds", seconds, f"it runs every {schedule.hours} h, and then at most {limit} s",
               "Give less, or look less often.")  # fmt: skip
