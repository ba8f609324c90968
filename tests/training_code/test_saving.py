"""When checkpoints are taken and what the log says of them, without a training."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from training_harness import figures, tiny_run

from ml_contract import metrics
from ml_contract.checkpoint.catalog import attempts, commit_of
from ml_contract.hyperparameters import decode
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Checkpointing, MemoryTier
from training_code import saving, saving_log
from training_code.checkpoint import StorageError
from training_code.checkpoint.file_storage import FileStorage, _FileWriter
from training_code.saving import Checkpoints, Progress


@dataclass
class OneRank:
    """The only rank."""

    is_leader: bool = True

    def smallest(self, value: float) -> float:
        return value


@dataclass
class Deadline:
    """An interruption."""

    seconds_left: float


class Run:
    """A run that does nothing but save."""

    def __init__(self, folder: Path, **policy: object) -> None:
        self.storage = FileStorage(str(folder))
        self.options = tiny_run(
            checkpoint_uri=f"file://{folder}", checkpointing=Checkpointing(**{"mode": "sync", **policy})
        )
        self.progress = Progress()
        self.checkpoints = Checkpoints(self.options, {"progress": self.progress}, OneRank(), data_digest="d")

    def step(self, loss: float = 1.0) -> None:
        self.progress.step, self.progress.loss = self.progress.step + 1, loss

    @property
    def committed(self) -> list[int]:
        return sorted(attempt.step for attempt in attempts(self.storage) if attempt.committed)


def test_commits_tell_loss_and_hyperparameters(tmp_path: Path) -> None:
    """Guards export and retention: both read them from COMMIT."""
    run = Run(tmp_path)
    run.step(0.75)
    run.checkpoints.save(1)
    run.checkpoints.close()
    commit = commit_of(run.storage, attempts(run.storage)[0])
    assert commit.figures == {"loss": 0.75}
    assert decode(TrainingRun, commit.hyperparameters) == run.options


def test_the_best_and_each_third_stay(tmp_path: Path) -> None:
    run = Run(tmp_path, keep_last=2, keep_every=3, keep_best=1)
    for loss in (4.0, 1.0, 3.0, 2.5, 2.0, 3.5, 3.0, 2.0):
        run.step(loss)
        run.checkpoints.save(run.progress.step)
    run.checkpoints.close()
    assert run.committed == [2, 3, 6, 7, 8]


def test_a_broken_step_leaves_the_state_before_it(tmp_path: Path) -> None:
    """Guards a divergence: what was good and not committed yet is committed, once."""
    run = Run(tmp_path, every_steps=5)
    run.step()
    said = run.checkpoints.last_good(1)
    assert said.startswith("The last good checkpoint is step 1. Begin another run")
    assert said.endswith(f"checkpointing.begin_from=file://{tmp_path}")
    assert run.checkpoints.last_good(1) == said
    assert run.committed == [1]


def test_a_divergence_on_a_broken_disk_names_the_commit_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path)
    run.step()
    run.checkpoints.save(1)
    run.step()
    monkeypatch.setattr(_FileWriter, "write", lambda *_: (_ for _ in ()).throw(StorageError("disk on fire")))
    assert run.checkpoints.last_good(2).startswith("The last good checkpoint is step 1. ")
    assert "checkpoint: step 2 was not saved: step 2 was not saved: rank 0: disk on fire" in capsys.readouterr().out


def test_without_a_place_there_is_no_checkpoint() -> None:
    checkpoints = Checkpoints(tiny_run(), {"progress": Progress()}, OneRank(), data_digest="d")
    checkpoints.stepped(1, 1.0)
    said = "There is no checkpoint, because checkpoint_uri is not given. Train again from the start"
    assert checkpoints.last_good(1) == said


def test_a_save_that_cannot_end_in_time_is_not_begun_and_the_log_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path)
    run.step()
    run.checkpoints.before_the_end(1, Deadline(saving.EXIT_SECONDS + 1.0))
    assert run.committed == []
    out = capsys.readouterr().out
    assert "checkpoint: step 1 is not saved: 0.0 MiB a rank would take about 1.5 s, and 1.0 s are left" in out


def test_a_silent_storage_does_not_outlast_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards the exit code: a save that hangs must leave the process the time to end by itself."""
    monkeypatch.setattr(_FileWriter, "write", lambda *_: time.sleep(600))
    monkeypatch.setattr(saving, "EXIT_SECONDS", 0.0)
    run = Run(tmp_path)
    run.step()
    began = time.monotonic()
    run.checkpoints.before_the_end(1, Deadline(1.6))
    assert time.monotonic() - began < 60
    assert "checkpoint: step 1 was not saved before the end: " in capsys.readouterr().out
    assert run.committed == []


def test_the_end_commits_where_there_is_time(tmp_path: Path) -> None:
    run = Run(tmp_path, mode="async")
    run.step()
    run.checkpoints.before_the_end(1, Deadline(110.0))
    assert run.committed == [1]


@pytest.mark.parametrize(("promise", "warned"), [(600.0, False), (0.0, True)])
def test_a_commit_that_came_too_late_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    promise: float,
    warned: bool,
) -> None:
    """Guards the promise of ten minutes where it is kept: in the run."""
    monkeypatch.setattr(saving_log, "PROMISE_SECONDS", promise)
    run = Run(tmp_path)
    run.step()
    run.checkpoints.save(1)
    assert (
        "that a reclaim may cost. Lower checkpointing.every_seconds (it is 420)" in capsys.readouterr().out
    ) is warned


def test_the_dip_leaves_the_stall_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Guards two figures from being one: what training waited for, and how much slower it was beside the save."""
    run = Run(tmp_path, mode="async")
    for _ in range(3):
        run.step()
        run.checkpoints.stepped(run.progress.step, 1.0)
    run.checkpoints.save(3)
    stall = figures(capsys.readouterr().out, metrics.CHECKPOINT_STALL_SECONDS)[0]
    run.checkpoints._manager.wait()
    run.checkpoints.stepped(4, 1.25 + stall)
    run.checkpoints.stepped(5, 1.0)
    assert figures(capsys.readouterr().out, metrics.CHECKPOINT_DIP) == [pytest.approx(1.25)]


def test_memory_between_durable_saves_and_durable_before_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards a reclaim, which takes the memory with it, and other tools, which see durable commits alone."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm to write to")
    with tempfile.TemporaryDirectory(prefix="memory-saving-", dir="/dev/shm") as folder:
        memory = MemoryTier(every_steps=2, folder=folder, budget_mib=16)
        run = Run(tmp_path, every_steps=6, memory=memory)
        run.checkpoints.restore()
        for _ in range(9):
            run.step()
            run.checkpoints.save_if_due(run.progress.step, overdue=run.progress.step == 4)
        assert run.committed == [4, 6]
        run.checkpoints.before_the_end(9, Deadline(60.0))
        assert run.committed == [4, 6, 9]
        log = capsys.readouterr().out
        assert figures(log, metrics.CHECKPOINT_STEP) == [4, 6, 9]
        assert figures(log, metrics.CHECKPOINT_MEMORY_STEP) == [2, 8]
        assert len(figures(log, metrics.CHECKPOINT_MEMORY_STALL_SECONDS)) == 2
        assert "checkpoint in memory: warning, step 0: copies=1, and nodes=1: 0 are made" in log
        assert list(Path(folder).glob("*/step-*"))
        run.checkpoints.close()
        assert not list(Path(folder).iterdir())


def test_the_age_is_of_the_state_that_a_reclaim_would_go_back_to(tmp_path: Path, monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    run = Run(tmp_path, every_steps=1)
    now += 30.0
    assert run.checkpoints.age() == {metrics.CHECKPOINT_AGE: 30.0}
    run.step()
    run.checkpoints.save(1)
    now += 7.0
    assert run.checkpoints.age() == {metrics.CHECKPOINT_AGE: 7.0}


def test_a_run_without_checkpoints_has_no_age() -> None:
    checkpoints = Checkpoints(tiny_run(checkpoint_uri=None), {"progress": Progress()}, OneRank(), data_digest="d")
    assert checkpoints.age() == {}
