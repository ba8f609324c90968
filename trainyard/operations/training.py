"""A training job seen through its log: losses, commits and interruptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ml_contract import metrics
from trainyard.operations.connection import Connection
from trainyard.operations.logs import Line, job_lines


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A metric line of the leading host."""

    time: datetime
    attempt: int
    """Which start of the job wrote it, from 0: every restart has a log stream of its own."""
    step: int
    values: dict[metrics.Metric, float]


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What one training job reported."""

    job: str
    status: str
    """TrainingJobStatus."""
    hyperparameters: dict[str, str]
    transitions: tuple[dict[str, Any], ...]
    """SecondaryStatusTransitions, oldest first."""
    observations: tuple[Observation, ...]
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As DescribeTrainingJob has it."""

    @property
    def attempts(self) -> int:
        """How often the job was started."""
        return 1 + max((seen.attempt for seen in self.observations), default=0)

    def series(self, metric: metrics.Metric) -> list[Observation]:
        """Observations that hold ``metric``, in order of time."""
        return [seen for seen in self.observations if metric in seen.values]

    def losses(self) -> dict[int, list[float]]:
        """Losses by step, in nats a byte; a step that was done again has more than one."""
        found: dict[int, list[float]] = {}
        for seen in self.series(metrics.LOSS):
            found.setdefault(seen.step, []).append(seen.values[metrics.LOSS])
        return found

    def commits(self) -> list[Observation]:
        """The checkpoints that were committed."""
        return self.series(metrics.CHECKPOINT_STEP)

    def interruptions(self) -> list[datetime]:
        """When the job was interrupted."""
        return [entry["StartTime"] for entry in self.transitions if entry["Status"] == "Interrupted"]

    def resumed_from(self) -> list[int]:
        """The steps that restarts continued from."""
        return [int(seen.values[metrics.RESTORED_STEP]) for seen in self.series(metrics.RESTORED_STEP)]


def read(connection: Connection, job: str) -> TrainingRun:
    """Read a training job and its log.

    Raises:
        OperationError: It has no log.
    """
    return _run(connection, job, job_lines(connection, job))


def read_without_log(connection: Connection, job: str) -> TrainingRun:
    """Read a training job alone: it has written nothing yet, or its log has expired."""
    return _run(connection, job, ())


def _run(connection: Connection, job: str, lines: Iterable[Line]) -> TrainingRun:
    found = connection.client("sagemaker").describe_training_job(TrainingJobName=job)
    return TrainingRun(
        job=job,
        status=found["TrainingJobStatus"],
        hyperparameters=found.get("HyperParameters", {}),
        transitions=tuple(found.get("SecondaryStatusTransitions", [])),
        observations=tuple(observe(lines)),
        document=found,
    )


def observe(lines: Iterable[Line]) -> list[Observation]:
    """Pick the metric lines and number the starts of the job by their log streams."""
    attempts: dict[str, int] = {}
    by_host: dict[str, int] = {}
    seen = []
    for line in lines:
        if line.stream not in attempts:
            attempts[line.stream] = by_host.get(line.host, 0)
            by_host[line.host] = attempts[line.stream] + 1
        parsed = metrics.parse(line.text)
        if parsed is not None:
            step, values = parsed
            seen.append(Observation(time=line.time, attempt=attempts[line.stream], step=step, values=values))
    return seen
