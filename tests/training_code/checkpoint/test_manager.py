"""The manager as the training loop sees it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_harness import RUN, Progress, TinyRun, committed, manager, restored
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint.catalog import attempts, commit_of
from training_code.checkpoint import (
    CheckpointManager,
    CheckpointOptions,
    Event,
    IncompatibleCheckpointError,
    ModelState,
    RunIdentity,
    StorageError,
    pieces,
)
from training_code.checkpoint.file_storage import FileStorage, _FileWriter


def test_nothing_there_is_none(uri: str) -> None:
    assert restored(uri)[0] == 0


@pytest.mark.parametrize("mode", ["async", "sync"])
def test_the_newest_commit_comes_back_bit_for_bit(uri: str, mode: str) -> None:
    contents = committed(uri, 2, 4, mode=mode)
    assert restored(uri) == (4, contents[4])


def test_files_of_many_blocks_and_spans(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards reads across the ends of what one request fetched: torch takes a short read for damage."""
    monkeypatch.setattr(pieces, "SPAN_BYTES", 300)
    contents = committed(uri, 2, block_bytes=100)
    assert restored(uri) == (2, contents[2])


def test_a_resumed_run_goes_on_as_if_nothing_had_happened(uri: str) -> None:
    """Guards the completeness of the state: weights, moments, schedule, and every generator."""
    whole = TinyRun()
    expected = [whole.step() for _ in range(6)]
    committed(uri, 3)
    run = TinyRun()
    with manager(uri) as checkpoints:
        checkpoints.restore(run.state)
        assert [*run.progress.losses, *(run.step() for _ in range(3))] == expected


def test_async_saves_what_was_there_when_it_was_called(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the staging copy: training goes on while the bytes leave."""
    gate = threading.Event()
    write = _FileWriter.write
    monkeypatch.setattr(_FileWriter, "write", lambda *arguments: (gate.wait(10), write(*arguments))[1])
    run = TinyRun()
    run.step()
    with manager(uri) as checkpoints:
        checkpoints.save(1, run.state)
        saved = run.content()
        for _ in range(3):
            run.step()
        assert run.content() != saved
        gate.set()
    assert restored(uri) == (1, saved)


def test_events_tell_the_stall_and_the_commit(uri: str) -> None:
    events: list[Event] = []
    run = TinyRun()
    run.step()
    with manager(uri, events) as checkpoints:
        checkpoints.save(1, run.state)
    assert [event.kind for event in events] == ["started", "staged", "committed"]
    staged, done = events[1:]
    assert 0 < staged.seconds <= done.seconds
    assert 0 < staged.bytes < done.bytes
    assert done.attempt == attempts(FileStorage(uri[7:]))[0].uuid


def test_the_stall_holds_the_wait_for_the_save_before(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards an honest figure: what a slow storage costs training must not vanish from the log."""
    events: list[Event] = []
    put = FileStorage.put_if_absent
    monkeypatch.setattr(FileStorage, "put_if_absent", lambda *arguments: (time.sleep(0.2), put(*arguments))[1])
    run = TinyRun()
    run.step()
    with manager(uri, events) as checkpoints:
        checkpoints.save(1, run.state)
        checkpoints.save(2, run.state)
    first, second = [event.seconds for event in events if event.kind == "staged"]
    assert first < 0.2 <= second


def test_a_failed_save_is_told_at_the_next_call_and_once(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against silent loss of checkpoints in the background."""
    events: list[Event] = []
    run = TinyRun()
    run.step()
    checkpoints = manager(uri, events)
    with monkeypatch.context() as broken:
        broken.setattr(_FileWriter, "write", lambda *_: (_ for _ in ()).throw(StorageError("disk on fire")))
        checkpoints.save(1, run.state)
        with pytest.raises(StorageError, match="step 1 was not saved: rank 0: disk on fire"):
            checkpoints.save(2, run.state)
    checkpoints.save(3, run.state)
    checkpoints.close()
    kinds = [event.kind for event in events]
    assert (kinds.count("failed"), kinds.count("committed")) == (1, 1)
    assert [attempt.step for attempt in attempts(FileStorage(uri[7:])) if attempt.committed] == [3]


def test_urgent_returns_with_the_commit(uri: str) -> None:
    run = TinyRun()
    run.step()
    checkpoints = manager(uri)
    checkpoints.save(1, run.state, urgent=True)
    assert attempts(FileStorage(uri[7:]))[0].committed
    checkpoints.close()


def test_an_urgent_save_is_tried_though_an_earlier_one_failed(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the last chance before SIGKILL."""
    run = TinyRun()
    run.step()
    checkpoints = manager(uri)
    with monkeypatch.context() as broken:
        broken.setattr(_FileWriter, "write", lambda *_: (_ for _ in ()).throw(StorageError("disk on fire")))
        checkpoints.save(1, run.state)
        checkpoints._durable.flight._thread.join()
    checkpoints.save(1, run.state, urgent=True)
    checkpoints.close()
    assert restored(uri)[0] == 1


def test_wait_says_when_time_is_up(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    write = _FileWriter.write
    monkeypatch.setattr(_FileWriter, "write", lambda *arguments: (gate.wait(10), write(*arguments))[1])
    run = TinyRun()
    run.step()
    checkpoints = manager(uri)
    checkpoints.save(1, run.state)
    with pytest.raises(TimeoutError, match=r"checkpoint-step-1 is still on its way after 0\.01 s"):
        checkpoints.wait(0.01)
    gate.set()
    checkpoints.close()


@pytest.mark.slow
def test_an_estimate_learns_from_what_saves_took(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the last seconds before SIGKILL: a save that cannot finish must not be begun."""
    run = TinyRun()
    run.step()
    with manager(uri, assumed_bytes_per_second=1e12) as checkpoints:
        before = checkpoints.estimate(run.state)
        tensors = [*run.model.parameters(), *(tensor for state in run.optimizer.state.values()
                                              for tensor in state.values())]  # fmt: skip
        assert before.bytes == sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        assert 1.0 < before.seconds < 2.0, "before anything is measured"
        monkeypatch.setattr(
            FileStorage,
            "put_if_absent",
            lambda *arguments, put=FileStorage.put_if_absent: (time.sleep(0.3), put(*arguments))[1],
        )
        checkpoints.save(1, run.state)
        checkpoints.wait()
        measured = checkpoints.estimate(run.state).seconds
        assert 0.3 < measured < 5.0
        checkpoints.save(2, run.state)
        # One on its way is to be waited for first.
        assert checkpoints.estimate(run.state).seconds > 1.5 * measured
        assert str(before) == f"{before.bytes / 2**20:.1f} MiB a rank would take about {before.seconds:.1f} s"


def test_commit_tells_figures_and_hyperparameters(uri: str) -> None:
    """Guards what an export and an operator read; a loss that is no number has no place in JSON."""
    run = TinyRun()
    told = CheckpointManager(uri, run=RUN, hyperparameters={"steps": "3"})
    told.save(1, run.state, figures={"loss": 0.25, "other": float("nan")})
    told.close()
    storage = FileStorage(uri[7:])
    commit = commit_of(storage, attempts(storage)[0])
    assert (commit.figures, commit.hyperparameters) == ({"loss": 0.25}, {"steps": "3"})


def test_an_urgent_save_gives_up_in_time(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the end of a process whose storage is silent: it says so before SIGKILL."""
    gate = threading.Event()
    write = _FileWriter.write
    monkeypatch.setattr(_FileWriter, "write", lambda *arguments: (gate.wait(10), write(*arguments))[1])
    run = TinyRun()
    checkpoints = manager(uri)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="checkpoint-step-1 is still on its way"):
        checkpoints.save(1, run.state, urgent=True, timeout=0.05)
    assert time.monotonic() - began < 5
    assert checkpoints.busy
    gate.set()
    checkpoints.close()
    assert not checkpoints.busy


def test_a_stock_reader_can_read_a_checkpoint(uri: str) -> None:
    """The format stays torch's own: its reader, which knows nothing of ours, loads the same weights."""
    contents = committed(uri, 2)
    run = TinyRun()
    shards = {"model": ModelState(run.model).state_dict()}
    load(shards, storage_reader=FileSystemReader(f"{uri[7:]}/{attempts(FileStorage(uri[7:]))[0].prefix}"), no_dist=True)
    assert run.content() == contents[2]


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


@pytest.mark.parametrize(
    "place", ["checkpoints", "s3://bucket", "file://host/folder", "https://bucket/prefix", "file:///"]
)
def test_a_place_of_another_form_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="checkpoint_uri: got"):
        CheckpointManager(place, run=RUN)


@pytest.mark.parametrize(
    ("field", "value"),
    [("part_bytes", 2**20), ("attempts", 0), ("read_timeout_s", 0)],
)
def test_options_out_of_range_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: got"):
        CheckpointOptions(**{field: value})


def test_nothing_partial_is_left(uri: str) -> None:
    committed(uri, 1, 2)
    assert not [path for path in Path(uri[7:]).rglob("*") if path.name.startswith(".partial")]


def test_the_optimizer_must_be_wrapped(uri: str) -> None:
    run = TinyRun()
    with manager(uri) as checkpoints, pytest.raises(ValueError, match=r"OptimizerState\(model, optimizer\)"):
        checkpoints.save(1, {"optimizer": run.optimizer})


def test_modules_may_be_given_as_they_are(uri: str) -> None:
    model = torch.nn.Linear(2, 2)
    with manager(uri) as checkpoints:
        checkpoints.save(1, {"model": model})
        checkpoints.wait()
        other = torch.nn.Linear(2, 2)
        checkpoints.restore({"model": other})
    assert torch.equal(model.weight, other.weight)


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
