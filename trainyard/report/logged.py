"""A run that only a file tells of: what a Slurm job wrote (``#SBATCH --output``), copied from its cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ml_contract import metrics
from ml_contract.errors import reject
from ml_contract.tracking import parse as tracked
from trainyard.operations.executions import Execution, Step
from trainyard.operations.training import Observation, TrainingRun
from trainyard.report.chapter import Chapter


def read(file: Path) -> Chapter:
    """A chapter of the metric lines of a file.

    Lines have no times: steps are counted back by their reported seconds from the file's last change, and what lies
    between two starts is not told.

    Args:
        file: Standard output of the job; every requeue goes on in it.

    Raises:
        ContractError: It holds no metric line.
    """
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    seen = list(_observations(lines))
    if not seen:
        reject("execution", str(file), "the file holds no line of metrics", "Name what the job's first host wrote.")
    end = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    later = end - seen[-1].time
    seen = [Observation(time=each.time + later, attempt=each.attempt, step=each.step, values=each.values)
            for each in seen]  # fmt: skip
    run = TrainingRun(job=file.name, status="", hyperparameters={}, transitions=(), observations=tuple(seen))
    step = Step(name="Train", status="Succeeded", started=seen[0].time, ended=end, metadata={"TrainingJob": {}})
    execution = Execution(arn=str(file), pipeline="a job's log", status="a log", started=seen[0].time, updated=end,
                          steps=(step,))  # fmt: skip
    gap = f"{file.name} is a log alone: it tells neither alarms, phases, settings nor cost of its job"
    found = next(filter(None, map(tracked, lines)), None)
    return Chapter(execution=execution, run=run, evaluation={}, package=None, tracked=found, gaps=(gap,))


def _observations(lines: list[str]) -> Iterator[Observation]:
    time, attempt, last = datetime(2000, 1, 1, tzinfo=UTC), 0, 0
    for line in lines:
        parsed = metrics.parse(line)
        if parsed is None:
            continue
        step, values = parsed
        if metrics.RESTORED_STEP in values and last:
            attempt += 1
            last = step
        if metrics.LOSS in values:
            time += timedelta(seconds=values.get(metrics.STEP_SECONDS, 0.0) * max(0, step - last))
            last = step
        yield Observation(time=time, attempt=attempt, step=step, values=values)
