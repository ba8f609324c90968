"""A run from a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml_contract import metrics
from ml_contract.errors import ContractError
from trainyard.report.logged import read


def log(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "slurm-42.log"
    file.write_text("".join(f"0: {line}\n" for line in lines))
    return file


def step(number: int) -> str:
    return metrics.line(number, {metrics.LOSS: 5.0 / number, metrics.STEP_SECONDS: 2.0})


def test_a_requeue_is_another_start(tmp_path: Path) -> None:
    """Steps 3 and 4 again, from the commit of step 2."""
    restored = metrics.line(2, {metrics.RESTORED_STEP: 2})
    run = read(log(tmp_path, "hello", *map(step, range(1, 5)), restored, *map(step, range(3, 7)))).run
    assert run is not None
    assert run.attempts == 2
    assert run.resumed_from() == [2]
    assert [(seen.attempt, seen.step) for seen in run.series(metrics.LOSS)][3:5] == [(0, 4), (1, 3)]


def test_steps_are_counted_back_from_the_end(tmp_path: Path) -> None:
    """Two seconds a step; lines for every second step alone are four apart."""
    chapter = read(log(tmp_path, step(1), step(3), step(5)))
    assert chapter.run is not None
    times = [seen.time for seen in chapter.run.observations]
    assert times[-1] == chapter.execution.updated
    assert times[-1] - times[0] == timedelta(seconds=8)


def test_a_file_without_metrics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no line of metrics"):
        read(log(tmp_path, "srun: error"))
