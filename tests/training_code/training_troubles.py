"""What goes wrong in ranks that a test starts: done in each of them before it trains."""

from __future__ import annotations

import dataclasses
import os
from functools import partial
from typing import Any
from unittest import mock


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
