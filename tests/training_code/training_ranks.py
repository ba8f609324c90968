"""Ranks of a warm forkserver, without torchrun."""

from __future__ import annotations

import json
import multiprocessing as mp
import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
from training_harness import container
from training_processes import Processes
from warm_forkserver import forkserver

from ml_contract.training.run import TrainingRun


def start_ranks(
    folder: Path,
    options: TrainingRun,
    data: Path,
    *,
    size: int = 2,
    trouble: Callable[[Any], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Processes:
    """Ranks on one host without torchrun, out of a warm forkserver.

    Args:
        folder: Becomes the host's /opt/ml, with a log of each rank beside it.
        options: The run.
        data: The split to train on.
        size: Ranks.
        trouble: Done to each rank's train module.
        environment: Further variables of the ranks: the forkserver has those of the test that happened to start it.
    """
    paths = container(folder, options, data=data)
    started = Processes([], [], paths=[paths])
    _start(started, folder, size, size, lambda rank: (_rank, trouble), environment or {})
    return started


def together(
    folder: Path, work: Callable[..., Any], *arguments: Any, size: int = 2, local_size: int | None = None
) -> list[Any]:
    """What ``work(ranks, *arguments)`` gives on each of ``size`` ranks, which have joined; JSON values.

    Args:
        folder: For logs and results.
        work: A function of a module's top level.
        arguments: Further ones, that can be pickled.
        size: Ranks.
        local_size: Ranks of a simulated host; None puts all on one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started = Processes([], [])
    results = [folder / f"result-{rank}.json" for rank in range(size)]
    _start(started, folder, size, local_size or size, lambda rank: (joined, results[rank], work, arguments), {})
    codes = started.codes()
    assert codes == [0] * size, "\n".join(started.log(rank)[-3000:] for rank in range(size) if codes[rank])
    return [json.loads(result.read_text()) for result in results]


def joined(result: Path, work: Callable[..., Any], arguments: tuple[Any, ...]) -> int:
    """One rank: join the others, and write what ``work(ranks, *arguments)`` gives. Returns the exit code."""
    import traceback

    import torch

    from training_code.parallel.ranks import distributed

    torch.set_num_threads(1)
    try:
        with distributed() as ranks:
            result.write_text(json.dumps(work(ranks, *arguments)))
    except BaseException:
        traceback.print_exc()
        # Threads of gloo may wait for the others for minutes.
        os._exit(1)
    return 0


def _start(
    started: Processes,
    folder: Path,
    size: int,
    local_size: int,
    task: Callable[[int], tuple[Any, ...]],
    further: Mapping[str, str],
) -> None:
    """Start ``size`` ranks, ``local_size`` of them on each host as far as they know."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    started.store = dist.TCPStore(
        "127.0.0.1", port, size, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=240),
        master_listen_fd=listener.detach(),
    )  # fmt: skip
    for rank in range(size):
        environment = {
            "SAGEMAKER_BASE_DIR": str(folder), "RANK": str(rank), "LOCAL_RANK": str(rank % local_size),
            "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(local_size), "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True", "GLOO_SOCKET_IFNAME": "lo",
            "OMP_NUM_THREADS": "1", **further,
        }  # fmt: skip
        started.logs.append(folder / f"rank-{rank}.log")
        work, *arguments = task(rank)
        started.processes.append(spawn(work, environment, started.logs[-1], *arguments))


def spawn(work: Callable[..., int], environment: Mapping[str, str], log: Path, *arguments: Any) -> Any:
    """Start ``work(*arguments)`` in a process of the forkserver; what it returns is the exit code."""
    log.touch()
    process = forkserver().Process(target=_child, args=(work, dict(environment), str(log), arguments), daemon=False)
    process.start()
    return process


def _child(work: Callable[..., int], environment: Mapping[str, str], log: str, arguments: tuple[Any, ...]) -> None:
    os.environ.update(environment)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.exit(work(*arguments))


def _rank(trouble: Callable[[Any], None] | None) -> int:
    import torch

    from training_code import train
    from training_code.workloads.bytes_lm.workload import BytesLmWorkload

    torch.set_num_threads(1)
    # As under torchrun: a child of a forkserver would have its loader's workers from a forkserver too.
    mp.set_start_method("fork", force=True)
    # Writing the artifact takes seconds and has tests of its own.
    BytesLmWorkload.export = lambda self, folder, trained: folder.mkdir(exist_ok=True)
    if trouble is not None:
        trouble(train)
    return int(train.main())
