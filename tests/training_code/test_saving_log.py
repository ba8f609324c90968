"""What saves and restores tell stays known between them, for those who look at steps: Prometheus and trackers."""

from __future__ import annotations

import pytest

from ml_contract import metrics
from ml_contract.training.surroundings import Checkpointing
from training_code.checkpoint import Event
from training_code.saving_log import SavingLog


def log(*, leads: bool = True) -> SavingLog:
    return SavingLog(Checkpointing(every_steps=10), leads=leads)


def event(kind: str, step: int, tier: str = "durable") -> Event:
    return Event(kind=kind, step=step, seconds=1.5, detail="d", tier=tier)


def test_the_last_of_each_figure_is_kept() -> None:
    found = log()
    for step in (10, 20):
        found.report(event("staged", step))
        found.report(event("committed", step))
    assert found.figures == {
        metrics.CHECKPOINT_STALL_SECONDS: 1.5,
        metrics.CHECKPOINT_STEP: 20,
        metrics.CHECKPOINT_SECONDS: 1.5,
    }


@pytest.mark.parametrize("tier", ["durable", "memory"])
def test_commits_that_were_put_aside_are_counted(tier: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = log()
    for step in (20, 10):
        found.report(event("quarantined", step, tier))
    assert found.figures == {metrics.CHECKPOINTS_QUARANTINED: 2}
    assert "[metrics] step=10 checkpoint:quarantined=2" in capsys.readouterr().out


def test_others_than_the_first_rank_keep_nothing() -> None:
    found = log(leads=False)
    found.report(event("committed", 10))
    assert (found.figures, found.committed_step) == ({}, 10)
