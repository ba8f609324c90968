"""How the training operator brings a job back, and what it takes for a job that hangs.

Source: "Using the training operator to run jobs", SageMaker AI Developer Guide, read 2026-11-22.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.metrics import PREFIX


class LogRule(Value):
    """What the operator expects of the log of a pod's first rank."""

    name: str = Field(pattern=r"^[A-Za-z0-9]{1,63}$")
    """Name, by which the job's events speak of it."""
    pattern: str = Field(min_length=1)
    """Regular expression that a whole line matches; a group is a figure."""
    first_within_s: int | None = Field(default=None, ge=1)
    """Seconds from the start of the ranks to the first such line, after which the job hangs; no limit by default."""
    next_within_s: int | None = Field(default=None, ge=1)
    """Seconds between two such lines, after which the job hangs; no limit by default."""
    is_fault: bool = False
    """Whether such a line is a fault by itself."""

    @field_validator("pattern")
    @classmethod
    def _check_pattern(cls, value: str) -> str:
        # Go's expressions, which know neither looking around nor references back; Python's subset is checked here.
        if any(part in value for part in ("(?=", "(?!", "(?<", "\\1")):
            reject("", value, "the operator's expressions cannot look around or refer back", "Write it without.")
        try:
            re.compile(value)
        except re.error as error:
            reject("", value, f"it is no regular expression ({error})", "Correct it.")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.first_within_s or self.next_within_s or self.is_fault):
            reject("first_within_s", None, "a rule without a limit says nothing",
                   "Give first_within_s, next_within_s or is_fault.")  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        """Entry of ``logMonitoringConfiguration``."""
        return {
            "name": self.name,
            "logPattern": self.pattern,
            **({"expectedStartCutOffInSeconds": self.first_within_s} if self.first_within_s else {}),
            **({"expectedRecurringFrequencyInSeconds": self.next_within_s} if self.next_within_s else {}),
            **({"faultOnMatch": True} if self.is_fault else {}),
        }


def steps_go_on(*, first_within_s: int, next_within_s: int) -> LogRule:
    """The rule that a run's metric lines keep coming, whatever it trains.

    Args:
        first_within_s: Seconds from the start of the ranks to the first line: restoring a checkpoint, compiling.
        next_within_s: Seconds between two lines: those of a run come every so many steps, and after a save.
    """
    return LogRule(name="StepsGoOn", pattern=rf".*{re.escape(PREFIX)} step=\d+ .*",
                   first_within_s=first_within_s, next_within_s=next_within_s)  # fmt: skip


class Recovery(Value):
    """Limits of restarts, within a window of time."""

    restarts: int = Field(ge=0, le=1000)
    """Restarts of the ranks alone, in pods that stay; after them the job has failed."""
    full_restarts: int = Field(ge=0, le=100)
    """Restarts with new pods; after them the job has failed."""
    restarts_before_full: int = Field(default=3, ge=1)
    """Restarts of the ranks after which the pods are made anew; AWS's example: 3."""
    window_s: int = Field(default=21600, ge=60)
    """Seconds in which restarts count; AWS's example: six hours."""
    rules: tuple[LogRule, ...] = Field(default=(), max_length=20)
    """What a living job says; only ended processes are faults by default."""
    clean_pods: Literal["All", "OnlyComplete", "None"] = "OnlyComplete"
    """Which pods the operator removes when the job has ended; those that completed by default, so that logs of others
    can be read."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            reject("rules", names, "rules have different names", "Rename one.")
        if self.restarts_before_full > self.restarts > 0 and self.full_restarts:
            reject("restarts_before_full", self.restarts_before_full,
                   f"after {self.restarts} restarts the job has failed, so no full one would come",
                   f"Give at most {self.restarts}.")  # fmt: skip
        return self

    def render(self) -> dict[str, Any]:
        """``runPolicy`` of a job."""
        return {
            "cleanPodPolicy": self.clean_pods,
            "jobMaxRetryCount": self.restarts,
            "restartPolicy": {
                "evalPeriodSeconds": self.window_s,
                "maxFullJobRestarts": self.full_restarts,
                "numRestartBeforeFullJobRestart": self.restarts_before_full,
            },
            # Pods come and go with their nodes, and the job is read afterwards: it is never removed by itself.
            "ttlSecondsAfterFinished": -1,
            **({"logMonitoringConfiguration": [rule.render() for rule in self.rules]} if self.rules else {}),
        }
