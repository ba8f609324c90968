"""What goes wrong in ranks that a test starts: done in each of them before it trains."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from training_processes import LIMIT_S


def several(*troubles: Callable[[Any], None]) -> Callable[[Any], None]:
    """One after the other."""
    return partial(_each, troubles)


def _each(troubles: tuple[Callable[[Any], None], ...], train: Any) -> None:
    for trouble in troubles:
        trouble(train)


def held_after(step: int, gate: Path | None = None) -> Callable[[Any], None]:
    """The last rank goes no further than ``step`` until it gets SIGTERM or ``gate`` is there; others wait for it.

    So a test finds the run where it wants it, however fast the one runs and however late the other looks.
    """
    return partial(_hold, step, gate)


def _hold(step: int, gate: Path | None, _: Any) -> None:
    from training_code.interruption import Interruption
    from training_code.workloads.bytes_lm.workload import BytesLmWorkload

    install, installed = Interruption.install, []

    def noted(self: Interruption) -> Interruption:
        installed.append(self)
        return install(self)

    def hold(self: Any, model: Any, done: int, steps: int) -> None:
        if done == step and int(os.environ["RANK"]) == int(os.environ["WORLD_SIZE"]) - 1:
            while not (installed[0].requested or (gate and gate.exists())):
                time.sleep(0.01)

    mock.patch.object(Interruption, "install", noted).start()
    mock.patch.object(BytesLmWorkload, "before_step", hold).start()


def patient(_: Any) -> None:
    """Watchers have the time that a busy machine takes to import and to answer."""
    from training_code.watching import sink

    mock.patch.object(sink, "CLOSE_SECONDS", LIMIT_S).start()


def an_hour_later(_: Any) -> None:
    """The hosts were away for an hour before this attempt."""
    from training_code.watching import clock

    mock.patch.object(clock, "time", SimpleNamespace(time=lambda: time.time() + 3600)).start()


def nan_in_step_8(_: Any) -> None:
    """A loss that is no number."""
    from training_code.workloads.bytes_lm.workload import BytesLmWorkload

    calls, loss = iter(range(1, 100)), BytesLmWorkload.loss

    def broken(*given: Any) -> Any:
        return loss(*given) * (float("nan") if next(calls) == 8 else 1)

    mock.patch.object(BytesLmWorkload, "loss", broken).start()


def impatient(_: Any) -> None:
    """A stream that gives S3 up within seconds, not minutes."""
    from training_code.data import s3_reads, streaming

    mock.patch.object(
        streaming, "Patience", partial(s3_reads.Patience, attempts=5, backoff_s=0.02, stall_s=1.5)
    ).start()


def rank_1_breaks_in_step_3(_: Any) -> None:
    """One rank raises while the other waits for it."""
    from training_code.workloads.bytes_lm.workload import BytesLmWorkload

    calls, loss = iter(range(1, 100)), BytesLmWorkload.loss

    def breaking(*given: Any) -> Any:
        if next(calls) == 3 and os.environ["RANK"] == "1":
            raise MemoryError("no room for the batch")
        return loss(*given)

    mock.patch.object(BytesLmWorkload, "loss", breaking).start()


def host_each(train: Any) -> None:
    """Every rank is on a host of its own, with a memory of its own."""
    read = train.read_run

    def of_this_host(paths: Any) -> Any:
        run = read(paths)
        memory = run.checkpointing.memory
        own = dataclasses.replace(memory, folder=f"{memory.folder}/{os.environ['RANK']}")
        return dataclasses.replace(run, checkpointing=dataclasses.replace(run.checkpointing, memory=own))

    train.read_run = of_this_host
