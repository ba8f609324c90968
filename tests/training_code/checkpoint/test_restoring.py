"""Which commits a run takes up: its own, and those that it is told to begin from."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkpoint_harness import Progress, TinyRun, committed, manager, restored

from training_code.checkpoint import (
    IncompatibleCheckpointError,
    RunIdentity,
)


@pytest.mark.parametrize(
    "other", [RunIdentity.of("another", {"learning_rate": 1e-3}), RunIdentity.of("run", {"learning_rate": 2e-3})]
)
def test_commits_of_another_run_or_configuration_are_not_ours(uri: str, other: RunIdentity) -> None:
    """Guards identity: neither are they loaded, nor does the run start anew in silence, nor are they quarantined."""
    committed(uri, 1)
    run = TinyRun()
    before = run.content()
    with (
        manager(uri, run=other) as checkpoints,
        pytest.raises(IncompatibleCheckpointError, match=r"step 1, (belongs to run|was made with)"),
    ):
        checkpoints.restore(run.state)
    assert run.content() == before
    assert restored(uri)[0] == 1


def test_two_runs_may_share_a_place(uri: str) -> None:
    other = RunIdentity.of("another", {})
    contents = committed(uri, 1)
    run = TinyRun()
    run.step()
    with manager(uri, run=other) as checkpoints:
        checkpoints.save(7, run.state)
    assert restored(uri) == (1, contents[1])


def test_a_state_the_commit_does_not_have_is_one_error(uri: str) -> None:
    committed(uri, 1)
    run = TinyRun()
    with manager(uri) as checkpoints, pytest.raises(IncompatibleCheckpointError, match=r"but not \['extra'\]"):
        checkpoints.restore({**run.state, "extra": Progress()})


def test_a_model_of_another_shape_is_one_error_and_no_damage(uri: str) -> None:
    """Guards quarantine: a sound checkpoint that does not fit is not condemned."""
    committed(uri, 1)
    with pytest.raises(IncompatibleCheckpointError, match="was not loaded: rank 0: ValueError: Size mismatch"):
        restored(uri, width=32)
    assert restored(uri)[0] == 1


BASE = {"data": "digest", "seed": 0}


def begun(uri: str, begin_from: str, *, seed: int = 0, saves: int = 0) -> tuple[int, dict[str, list[float]]]:
    """Step and parameters of a run of another configuration that may begin from the commits of the first."""
    other = RunIdentity.of("run", {"learning_rate": 1e-4}, base={**BASE, "seed": seed})
    run = TinyRun()
    with manager(uri, run=other, begin_from=begin_from) as checkpoints:
        checkpoints.restore(run.state)
        found = run.progress.step, run.content()
        if saves:
            run.step()
            checkpoints.save(saves, run.state)
    return found


def test_another_run_begins_where_one_left_off_and_then_has_its_own(tmp_path: Path) -> None:
    """Guards the way on after a divergence: by identity alone, no run takes up a commit of another learning rate."""
    first, second = f"file://{tmp_path}/first", f"file://{tmp_path}/second"
    contents = committed(first, 2, run=RunIdentity.of("run", {"learning_rate": 1e-3}, base=BASE))
    before = sorted(tmp_path.rglob("*"))
    assert begun(second, first) == (2, contents[2])
    assert sorted(tmp_path.rglob("*")) == before, "nothing is written where it begins"
    assert begun(second, first, saves=3)[0] == 2
    assert begun(second, first)[0] == 3


@pytest.mark.parametrize(
    ("seed", "place", "message"),
    [
        (1, "first", "was made with another workload, data, global_batch_size or seed"),
        (0, "empty", "no commit is there to begin from"),
    ],
)
def test_a_run_does_not_begin_from_what_is_none_of_its_kind(
    tmp_path: Path, seed: int, place: str, message: str
) -> None:
    committed(f"file://{tmp_path}/first", 2, run=RunIdentity.of("run", {}, base=BASE))
    with pytest.raises(IncompatibleCheckpointError, match=message):
        begun(f"file://{tmp_path}/second", f"file://{tmp_path}/{place}", seed=seed)
