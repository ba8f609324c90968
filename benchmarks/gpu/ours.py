"""This project's step: the strategy's own forward, backward, clip and update, on one rank."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.gpu import measure
from benchmarks.gpu.settings import OPTIMIZER, Mode, Setting
from training_code.parallel import Parallel, build, to_device
from training_code.parallel.ranks import distributed


@contextmanager
def parallel(setting: Setting, mode: Mode) -> Iterator[Parallel]:
    """The model spread over one rank, as a run of that setting builds it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    os.environ.update(
        RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", LOCAL_WORLD_SIZE="1", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    with distributed() as ranks:
        built = build(setting.run(mode), measure.workload(setting), ranks)
        yield built
        built.close()


def step(model: Parallel, batches: list[Any]) -> float:
    """One optimiser step, as :mod:`training_code.train` does it; the loss in nats."""
    passed = model.forward_backward([to_device(batch, model.ranks.device) for batch in batches])
    model.clip(OPTIMIZER.gradient_clip)
    model.update(OPTIMIZER.learning_rate)
    return passed.loss


def run(setting: Setting, mode: Mode) -> dict[str, Any]:
    """Train for the setting's steps."""
    clock = measure.Clock(setting)
    with parallel(setting, mode) as model:
        data = measure.batches(setting)
        clock.start()
        for batches in data:
            clock.step(step(model, batches))
        return clock.figures(is_bf16=mode != "float8")
