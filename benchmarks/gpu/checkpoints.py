"""What a checkpoint costs a run: how long a save holds up training, and how much slower the steps beside it are."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from benchmarks.gpu import measure, ours
from benchmarks.gpu.settings import Setting
from ml_contract.errors import reject
from ml_contract.training.surroundings import Checkpointing
from training_code.checkpoint import CheckpointManager, CheckpointOptions, Event, RunIdentity
from training_code.parallel import Parallel

BEFORE = 4
"""Steps whose median the steps beside a save are compared with; two before them warm up."""
LONGEST = 120.0
"""Seconds for which steps beside one save are watched."""


def run(setting: Setting, mode: Literal["sync", "async"]) -> dict[str, Any]:
    """One save of model and optimiser state to a local disk, amid training."""
    events: list[Event] = []
    with ours.parallel(setting, "eager") as model, _folder(setting) as folder:
        data = measure.batches(setting)
        alone = [_timed(model, data[number % len(data)]) for number in range(2 + BEFORE)][2:]
        with CheckpointManager(
            folder.as_uri(), options=CheckpointOptions(policy=Checkpointing(mode=mode), on_event=events.append),
            run=RunIdentity.of("benchmark", {"setting": setting.name}),
        ) as manager:  # fmt: skip
            started = time.perf_counter()
            manager.save(1, model.state())
            held_up = time.perf_counter() - started
            beside: list[float] = []
            while not _ended(events) and sum(beside) < LONGEST:
                beside.append(_timed(model, data[len(beside) % len(data)]))
            manager.wait()
    committed = next((event for event in events if event.kind == "committed"), None)
    assert committed is not None, [event.detail for event in events]
    usual = statistics.median(alone)
    return {
        "state_gib": committed.bytes / 2**30,
        "stall_seconds": held_up,
        "commit_seconds": committed.seconds,
        "step_seconds": usual,
        "beside_steps": len(beside),
        "beside_slowdown": statistics.fmean(beside) / usual if beside else None,
        "place": str(folder.parent),
    }


def _ended(events: list[Event]) -> bool:
    return any(event.kind in ("committed", "failed") for event in events)


def _timed(model: Parallel, batches: list[Any]) -> float:
    started = time.perf_counter()
    ours.step(model, batches)
    measure.wait()
    return time.perf_counter() - started


@contextmanager
def _folder(setting: Setting) -> Iterator[Path]:
    """A folder with room for one checkpoint, empty again afterwards."""
    size = setting.shape.size.parameters * 3 * setting.dtype.itemsize
    folder = Path(tempfile.mkdtemp(prefix="trainyard-benchmark-"))
    try:
        if (free := shutil.disk_usage(folder).free) < 1.2 * size:
            reject("TMPDIR", str(folder.parent), f"a checkpoint takes {size / 2**30:.1f} GiB and"
                   f" {free / 2**30:.1f} are free", "Name a folder of a larger disk.")  # fmt: skip
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
