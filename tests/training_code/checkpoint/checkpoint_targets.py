"""What ranks run: functions that a process of the forkserver finds by their name."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from checkpoint_harness import RUN, TinyRun, committed, manager

from training_code.checkpoint import CheckpointManager, CheckpointOptions, CorruptCheckpointError, Event, StorageError
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

    _FileWriter.write = mortal
    committed(uri, 2)


def picture(run: TinyRun) -> dict[str, Any]:
    """A run's state as plain numbers, gathered."""
    moments = run.state["optimizer"].state_dict()["state"]["3.weight"]["exp_avg"]
    return {
        "step": run.progress.step,
        "model": run.content(),
        "moments": (moments.full_tensor() if hasattr(moments, "full_tensor") else moments).tolist(),
        "losses": run.progress.losses,
    }


def commit_sharded(uri: str, *steps: int, **options: Any) -> dict[str, Any]:
    """Go on with a sharded run and commit it at ``steps``; its state at the last one."""
    run = TinyRun(sharded=True)
    with manager(uri, **options) as checkpoints:
        checkpoints.restore(run.state)
        while run.progress.step < steps[-1]:
            run.step()
            if run.progress.step in steps:
                checkpoints.save(run.progress.step, run.state)
    return picture(run)


def resume_sharded(uri: str) -> dict[str, Any]:
    """The state that a sharded run resumes with."""
    run = TinyRun(sharded=True)
    with manager(uri) as checkpoints:
        checkpoints.restore(run.state)
    return picture(run)


def restore_sharded(uri: str) -> tuple[int, list[str]]:
    """Step that a sharded run resumes from, and the kinds of this rank's events."""
    events: list[Event] = []
    run = TinyRun(sharded=True)
    with manager(uri, events) as checkpoints:
        found = checkpoints.restore(run.state)
    return (found.step if found else 0), [event.kind for event in events]


def train(uri: str, log: str, steps: int, interval: int, options: dict[str, Any]) -> None:
    """A sharded run, from its last commit to ``steps``; what it does goes to ``log`` line by line, per rank."""
    with Path(f"{log}.{dist.get_rank()}").open("a", buffering=1) as lines:
        run = TinyRun(sharded=True)
        options = {**options, "on_event": lambda event: lines.write(f"{event.kind} {event.step}\n")}
        with CheckpointManager(uri, options=CheckpointOptions(**options), run=RUN) as checkpoints:
            checkpoints.restore(run.state)
            lines.write(f"from {run.progress.step}\n")
            while run.progress.step < steps:
                lines.write(f"loss {run.progress.step + 1} {run.step().hex()}\n")
                if run.progress.step % interval == 0:
                    checkpoints.save(run.progress.step, run.state)


def save_with_one_bad_rank(uri: str, fault: str) -> str:
    """Commit step 1, then let rank 1 spoil step 2; what this rank is told."""
    run = TinyRun(sharded=True)
    run.step()
    with manager(uri) as checkpoints:
        checkpoints.save(1, run.state)
        checkpoints.wait()
        if dist.get_rank() == 1:
            match fault:
                case "another value":
                    run.progress.losses.append(0.0)
                case "gone":
                    os.kill(os.getpid(), signal.SIGKILL)
        checkpoints.save(2, run.state)
        try:
            checkpoints.wait()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return "committed"


def refuse(*_: object) -> None:
    raise StorageError("file:///shard: cannot write: Input/output error")


def untouched_by_refusal(uri: str) -> bool:
    """Whether this rank's shards are as they were after a restore for which some rank found damage."""
    run = TinyRun(sharded=True)
    before = [parameter.to_local().detach().clone() for parameter in run.model.parameters()]
    with manager(uri) as checkpoints:
        try:
            checkpoints.restore(run.state)
        except CorruptCheckpointError:
            return all(map(torch.equal, before, (parameter.to_local() for parameter in run.model.parameters())))
    return False
