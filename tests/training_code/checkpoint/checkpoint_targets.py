"""What ranks run: functions that a process of the forkserver finds by their name."""

from __future__ import annotations

import os
import signal
from typing import Any

from checkpoint_harness import TinyRun, committed, manager

from training_code.checkpoint import Event
from training_code.checkpoint.file_storage import _FileWriter


def killed_at_byte(uri: str, budget: int) -> None:
    """A process that commits step 1, and is gone after so many bytes of step 2."""
    committed(uri, 1)
    write, left = _FileWriter.write, [budget]

    def mortal(self: _FileWriter, data: Any) -> None:
        size = memoryview(data).nbytes
        write(self, memoryview(data).cast("B")[: left[0]])
        left[0] -= size
        if left[0] < 0:
            self._file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    _FileWriter.write = mortal  # type: ignore[method-assign]
    committed(uri, 2)


def commit_sharded(uri: str, *steps: int) -> dict[str, list[float]]:
    """Go on with a sharded run and commit it at ``steps``; its parameters at the last one."""
    run = TinyRun(sharded=True)
    with manager(uri) as checkpoints:
        checkpoints.restore(run.state)
        while run.progress.step < steps[-1]:
            run.step()
            if run.progress.step in steps:
                checkpoints.save(run.progress.step, run.state)
    return run.content()


def restore_sharded(uri: str) -> tuple[int, list[str]]:
    """Step that a sharded run resumes from, and the kinds of this rank's events."""
    events: list[Event] = []
    run = TinyRun(sharded=True)
    with manager(uri, events) as checkpoints:
        found = checkpoints.restore(run.state)
    return (found.step if found else 0), [event.kind for event in events]
