"""What an incident is: what goes wrong, whose alarm fires, how it must end. What is done about it its runbook says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ml_contract.symptoms import Symptom
from trainyard.incidents.scene import Scene


class Incident(ABC):
    """One incident. A module each; :mod:`trainyard.incidents.catalogue` lists them."""

    name: ClassVar[str]
    """What `trainyard incident` takes, and the stem of its runbook."""
    summary: ClassVar[str]
    """What goes wrong, one line."""
    symptoms: ClassVar[tuple[Symptom, ...]]
    """What people are told: an alarm of each must fire. All name this runbook, or are told beside it."""
    notices: ClassVar[tuple[Symptom, ...]] = ()
    """What people are told without an alarm: budgets write to topics themselves."""
    subject: ClassVar[str] = ""
    """What its alarms are about, by the name within its environment; empty for the whole environment."""
    environment: ClassVar[str] = "local"
    """Where it is played."""
    stacks: ClassVar[tuple[str, ...]]
    """Stacks that must be deployed, without the prefix ``trainyard-<environment>-``, beside the operation's."""
    variables: ClassVar[tuple[str, ...]] = ()
    """What it gives to the commands beside ENVIRONMENT, AWS_REGION and AWS_ACCOUNT."""
    minute_seconds: ClassVar[float] = 60.0
    """What alarms take for a minute while it is played, in seconds: less where an alarm waits for minutes."""
    alarm_seconds: ClassVar[float] = 300.0
    """Longest time from the provocation to the alarms, in seconds."""
    quiet_seconds: ClassVar[float] = 120.0
    """Longest time from the last command to alarms that are OK again, in seconds; 0: they stay as they are."""
    skipped: ClassVar[str] = ""
    """What AWS would have and the embedded cloud has not, one line for whoever plays."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """Names of the alarms that must fire, one a symptom."""
        return tuple(symptom.alarm(self.environment, self.subject) for symptom in self.symptoms)

    def prepare(self, scene: Scene) -> None:  # noqa: B027  (many begin with what is deployed)
        """Bring about what runs when it goes wrong; undisturbed so far. Nothing by default."""

    @abstractmethod
    def provoke(self, scene: Scene) -> None:
        """Let it go wrong, and set the variables of the commands. What was injected is taken back by the scene."""

    @abstractmethod
    def check(self, scene: Scene) -> list[str]:
        """Hold the end against what is promised, after the commands.

        Returns:
            What was found, a line each.

        Raises:
            IncidentFailed: The end is not as it must be.
        """
