"""One execution and what it made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_contract import metrics
from ml_contract.tracking import TrackedRun
from ml_contract.workloads.base import Headline
from trainyard.operations import training
from trainyard.operations.executions import Execution
from trainyard.report.alarms import Alarm
from trainyard.report.bill import Item


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One execution, or one training job that no pipeline started."""

    execution: Execution
    """Of a job alone: one step."""
    run: training.TrainingRun | None
    """Its training job; ``None`` where it never came to one."""
    evaluation: dict[str, Any]
    """Figures on held-out data; empty where it was not evaluated."""
    package: str | None
    """ARN of the registered model package."""
    alarms: tuple[Alarm, ...] = ()
    """Of its environment, that fired while it ran."""
    bill: tuple[Item, ...] = ()
    """What its jobs cost."""
    tracked: TrackedRun | None = None
    """Its run in a tracker; None where it logs to none."""
    gaps: tuple[str, ...] = ()
    """What could not be read, a sentence each."""

    @property
    def running(self) -> bool:
        """Whether it goes on; a log alone does not."""
        return self.execution.status in ("Executing", "Stopping")

    @property
    def headline(self) -> Headline | None:
        """What the evaluation shows first; ``None`` where there is none, or it does not say."""
        said = self.evaluation.get("headline")
        return Headline(**said) if said else None

    @property
    def label(self) -> str:
        """How plots name it."""
        if self.run is None:
            return self.execution.id
        return f"{self.execution.id} ({'interrupted' if self.run.interruptions() else 'uninterrupted'})"

    def last(self, metric: metrics.Metric) -> float | None:
        """The last value that the training reported; ``None`` where it reported none."""
        seen = self.run.series(metric) if self.run else []
        return seen[-1].values[metric] if seen else None
