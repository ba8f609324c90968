"""Saves on their way: what waits for them, how long, and what is told of those that fail."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest
from checkpoint_harness import LIMIT_S, TinyRun, manager, restored

from ml_contract.checkpoint.catalog import attempts
from training_code.checkpoint import Event, StorageError, budget
from training_code.checkpoint.file_storage import FileStorage, _FileWriter
from training_code.checkpoint.flight import Flight


def test_async_saves_what_was_there_when_it_was_called(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the staging copy: training goes on while the bytes leave."""
    gate = threading.Event()
    write = _FileWriter.write
    monkeypatch.setattr(_FileWriter, "write", lambda *arguments: (gate.wait(LIMIT_S), write(*arguments))[1])
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
    waited_for = threading.Event()
    put, wait = FileStorage.put_if_absent, Flight.wait

    def slow(*arguments: object) -> bool:
        assert waited_for.wait(LIMIT_S), "the stall of a save does not hold its own commit"
        time.sleep(0.2)
        return put(*arguments)

    monkeypatch.setattr(FileStorage, "put_if_absent", slow)
    run = TinyRun()
    run.step()
    with manager(uri, events) as checkpoints:
        checkpoints.save(1, run.state)
        monkeypatch.setattr(Flight, "wait", lambda *arguments: (waited_for.set(), wait(*arguments))[1])
        checkpoints.save(2, run.state)
    _, second = [event.seconds for event in events if event.kind == "staged"]
    assert second >= 0.2


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
    monkeypatch.setattr(_FileWriter, "write", lambda *arguments: (gate.wait(LIMIT_S), write(*arguments))[1])
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
    events: list[Event] = []
    gate = threading.Event()
    with manager(uri, events, assumed_bytes_per_second=1e12) as checkpoints:
        before = checkpoints.estimate(run.state)
        tensors = [*run.model.parameters(), *(tensor for state in run.optimizer.state.values()
                                              for tensor in state.values())]  # fmt: skip
        assert before.bytes == sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        assert 1.0 < before.seconds < 2.0, "before anything is measured"
        put = FileStorage.put_if_absent
        monkeypatch.setattr(FileStorage, "put_if_absent", lambda *arguments: (time.sleep(0.3), put(*arguments))[1])
        checkpoints.save(1, run.state)
        checkpoints.wait()
        measured = checkpoints.estimate(run.state).seconds
        (whole,) = [event.seconds for event in events if event.kind == "committed"]
        assert budget.MARGIN * 0.3 < measured < budget.MARGIN * whole
        monkeypatch.setattr(FileStorage, "put_if_absent", lambda *arguments: (gate.wait(LIMIT_S), put(*arguments))[1])
        monkeypatch.setattr(budget, "time", SimpleNamespace(monotonic=lambda: 0.0))
        checkpoints.save(2, run.state)
        # One on its way is to be waited for first.
        assert checkpoints.estimate(run.state).seconds == pytest.approx(2 * measured)
        gate.set()
        assert str(before) == f"{before.bytes / 2**20:.1f} MiB a rank would take about {before.seconds:.1f} s"


def test_an_urgent_save_gives_up_in_time(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards the end of a process whose storage is silent: it says so before SIGKILL."""
    gate = threading.Event()
    write = _FileWriter.write
    monkeypatch.setattr(_FileWriter, "write", lambda *arguments: (gate.wait(LIMIT_S), write(*arguments))[1])
    run = TinyRun()
    checkpoints = manager(uri)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="checkpoint-step-1 is still on its way"):
        checkpoints.save(1, run.state, urgent=True, timeout=0.05)
    assert time.monotonic() - began < 60
    assert checkpoints.busy
    gate.set()
    checkpoints.close()
    assert not checkpoints.busy
