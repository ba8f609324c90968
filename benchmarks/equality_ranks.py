"""Ranks that train one case of the equality table: processes of a warm forkserver, on gloo, over simulated hosts."""

from __future__ import annotations

import json
import multiprocessing as mp
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ml_contract import metrics
from ml_contract.hyperparameters import encode
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from training_code.data.tokens import TokenWriter

ROOT = Path(__file__).parents[1]
SECONDS = 120.0
"""After which a case that has not ended has failed."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a case gave."""

    losses: list[float]
    """Of each step."""
    norms: list[float]
    """Global gradient norms before clipping."""
    speeds: list[float]
    """Tokens/s of each step, all ranks."""
    weights: dict[str, Tensor]
    """All parameters after the last step, whole, by their names in the unsharded model."""


class RanksFailed(RuntimeError):
    """Ranks of a case ended otherwise than by success."""


def write_data(folder: Path) -> None:
    """A split of 20,000 bytes for both language models: text in which every place differs from every other."""
    writer = TokenWriter(folder, dtype="uint8", shard_tokens=4096)
    writer.begin()
    writer.write(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(1000))[:20_000])
    writer.close({"name": "equality"})


def train(
    run: TrainingRun, folder: Path, data: Path, *, ranks: int, hosts: int = 1,
    trouble: Callable[[], None] | None = None,
) -> Trained:  # fmt: skip
    """Train with the real loop in as many processes as there are ranks.

    Args:
        run: Of a language model.
        folder: Empty; the case's /opt/ml and its logs.
        data: From :func:`write_data`.
        ranks: Of the world.
        hosts: That they are told to be spread over.
        trouble: Done in each rank before it starts, for a case that is meant to fail.

    Raises:
        RanksFailed: With the end of the log that tells why.
    """
    paths = ContainerPaths(base=folder)
    paths.config.mkdir(parents=True)
    paths.hyperparameters.write_text(json.dumps(encode(run)))
    channel = paths.channel("train")
    channel.parent.mkdir(parents=True, exist_ok=True)
    channel.symlink_to(data)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    store = dist.TCPStore("127.0.0.1", port, ranks, is_master=True, wait_for_workers=False,
                          timeout=timedelta(seconds=60), master_listen_fd=listener.detach())  # fmt: skip
    local, logs, processes = ranks // hosts, [folder / f"rank-{rank}.log" for rank in range(ranks)], []
    for rank, log in enumerate(logs):
        log.touch()
        environment = {
            "SAGEMAKER_BASE_DIR": str(folder), "RANK": str(rank), "LOCAL_RANK": str(rank % local),
            "WORLD_SIZE": str(ranks), "LOCAL_WORLD_SIZE": str(local), "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port), "TORCHELASTIC_USE_AGENT_STORE": "True", "GLOO_SOCKET_IFNAME": "lo",
            "OMP_NUM_THREADS": "1",
            # Otherwise each rank starts a pool of compilers, which all import torch first.
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
        }  # fmt: skip
        processes.append(warm().Process(target=_rank, args=(environment, str(log), trouble)))
        processes[-1].start()
    _wait(processes, logs)
    del store
    found = list(filter(None, map(metrics.parse, logs[0].read_text().splitlines())))
    return Trained(
        losses=[values[metrics.LOSS] for _, values in found if metrics.LOSS in values],
        norms=[values[metrics.GRADIENT_NORM] for _, values in found if metrics.LOSS in values],
        speeds=[values[metrics.TOKENS_PER_SECOND] for _, values in found if metrics.TOKENS_PER_SECOND in values],
        weights=torch.load(paths.model / "weights.pt", weights_only=True),
    )


def _wait(processes: list[Any], logs: list[Path]) -> None:
    deadline = time.monotonic() + SECONDS
    while any(process.is_alive() for process in processes) and time.monotonic() < deadline:
        if any(process.exitcode for process in processes):
            deadline = min(deadline, time.monotonic() + 5)
        processes[0].join(0.05)
    for process in processes:
        if process.is_alive():
            process.kill()
            process.join()
    if any(process.exitcode for process in processes):
        reasons = [_reason(log.read_text()) for log in logs]
        causes = [reason for reason in reasons if reason and "PeerLost" not in reason]
        raise RanksFailed((causes or [f"ranks ended with {[process.exitcode for process in processes]}"])[0])


def _reason(log: str) -> str:
    lines = log.splitlines()
    traces = [number for number, line in enumerate(lines) if line.startswith("Traceback")]
    said = [line for line in lines[traces[-1] + 1 :] if line and not line.startswith(" ")] if traces else []
    return said[0][:400] if said else ""


def _rank(environment: dict[str, str], log: str, trouble: Callable[[], None] | None) -> None:
    os.environ.update(environment)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    from training_code import train as program
    from training_code import workloads

    torch.set_num_threads(1)
    mp.set_start_method("fork", force=True)
    load = workloads.load

    def recording(options: Any) -> Any:
        workload = load(options)
        workload.export = _record
        return workload

    workloads.load = recording
    if trouble is not None:
        trouble()
    status = int(program.main())
    sys.stdout.flush()
    # As the program itself ends.
    os._exit(status)


def _record(folder: Path, trained: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(dict(trained.weights), folder / "weights.pt")


_context: Any = None


def warm(*, deepspeed: bool = False) -> Any:
    """A forkserver with all modules imported: a rank starts in a fraction of a second.

    Args:
        deepspeed: Whether DeepSpeed is among them, which takes as long as all others; counts at the first call.
    """
    global _context
    if _context is None:
        _context = mp.get_context("forkserver")
        _context.set_forkserver_preload(
            [__name__, "torch._dynamo", "training_code.train", "training_code.parallel.ddp",
             "training_code.parallel.model_parallel",
             "training_code.workloads.bytes_lm.workload", "training_code.workloads.llama.workload",
             *(["deepspeed", "training_code.parallel.deepspeed"] if deepspeed else []), "benchmarks.frozen"]
        )  # fmt: skip
        # Before Python 3.11.9 the server does not take over sys.path, and fails to preload without a word.
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = str(ROOT)
        try:
            mp.forkserver.ensure_running()
        finally:
            del os.environ["PYTHONPATH"]
            if before is not None:
                os.environ["PYTHONPATH"] = before
    return _context
