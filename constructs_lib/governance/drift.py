"""How often a quota is compared with what was deployed, and what follows."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from constructs_lib.values import Value

NAMESPACE = "Trainyard/Governance"
"""Of the metric, the same as in ``functions/compute_quota/drift.py``."""
METRIC = "QuotaDrift"
"""Things that differ, by ClusterArn, and by ClusterArn and Team."""


class OnDrift(Value):
    """What follows when a quota is not what was deployed. The alarm is raised in any case."""

    @property
    @abstractmethod
    def word(self) -> str:
        """What the function is told."""


class Tell(OnDrift):
    """The alarm says it; an operator decides."""

    @property
    def word(self) -> str:
        return "tell"


class Restore(OnDrift):
    """The quota is brought back to what was deployed. What was deleted is not made again: its stack is gone from under
    it, and a deployment says so."""

    @property
    def word(self) -> str:
        return "restore"


class DriftCheck(Value):
    """A look in regular intervals."""

    every_minutes: int = Field(ge=5, le=720)
    """Minutes between two looks; the alarm spans two of them, and CloudWatch's longest period is a day."""
    then: OnDrift
    """What follows."""
