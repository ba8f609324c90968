"""What the training tests share: a small split, hosts under the container contract, ranks of a warm forkserver."""

from __future__ import annotations

import contextlib
import json
import multiprocessing as mp
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

import torch.distributed as dist
from ports import free_port

from ml_contract import metrics
from ml_contract.hyperparameters import encode
from ml_contract.paths import ContainerPaths
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Checkpointing
from ml_contract.workloads import BytesLm
from training_code.data.tokens import TokenWriter

ROOT = Path(__file__).parents[2]
TINY = BytesLm(dimension=16, layers=2, heads=2, sequence_length=32)


def tiny_run(*, checkpoint_steps: int = 20, checkpoint_seconds: float = 420, **changes: Any) -> TrainingRun:
    """A run of seconds: two samples a rank of two."""
    settings: dict[str, Any] = {
        "workload": TINY, "optimizer": AdamW(learning_rate=6e-3), "schedule": Cosine(warmup_steps=2),
        "global_batch_size": 4, "steps": 40,
        "checkpointing": Checkpointing(every_steps=checkpoint_steps, every_seconds=checkpoint_seconds),
    }  # fmt: skip
    return TrainingRun(**{**settings, **changes})


def write_shards(folder: Path, size: int, *, shard_bytes: int = 4096) -> Path:
    """A split of ``size`` bytes in ``folder``: text in which every place differs from every other."""
    writer = TokenWriter(folder, dtype="uint8", shard_tokens=shard_bytes)
    writer.write(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(size))[:size])
    writer.close({"name": "test"})
    return folder


def container(
    base: Path,
    hyperparameters: TrainingRun | Mapping[str, str],
    *,
    hosts: Sequence[str] = ("127.0.0.1",),
    rank: int = 0,
    instance_type: str = "ml.m5.large",
    data: Path | None = None,
) -> ContainerPaths:
    """/opt/ml of one host as the platform leaves it, at ``base``."""
    paths = ContainerPaths(base=base)
    paths.config.mkdir(parents=True, exist_ok=True)
    raw = encode(hyperparameters) if isinstance(hyperparameters, TrainingRun) else dict(hyperparameters)
    paths.hyperparameters.write_text(json.dumps(raw))
    paths.input_data_config.write_text(json.dumps({"train": {"TrainingInputMode": "File"}}))
    resources = {
        "current_host": hosts[rank], "hosts": list(hosts), "network_interface_name": "lo",
        "current_instance_type": instance_type,
    }  # fmt: skip
    paths.resource_config.write_text(json.dumps(resources))
    if data is not None:
        shutil.copytree(data, paths.channel("train"), dirs_exist_ok=True)
    else:
        paths.channel("train").mkdir(parents=True, exist_ok=True)
    return paths


def losses(log: str) -> list[tuple[int, float]]:
    """Steps and losses in the order of the log, bit for bit."""
    found = (metrics.parse(line) for line in log.splitlines())
    return [(step, values[metrics.LOSS]) for step, values in filter(None, found) if metrics.LOSS in values]


def figures(log: str, metric: metrics.Metric) -> list[float]:
    """Values of one metric in the order of the log."""
    found = (metrics.parse(line) for line in log.splitlines())
    return [values[metric] for _, values in filter(None, found) if metric in values]


@dataclass
class Processes:
    """Processes that write a log each."""

    processes: list[Any]
    logs: list[Path]
    store: Any = None
    """The rendezvous of ranks without torchrun; it lives as long as they."""
    paths: list[ContainerPaths] = field(default_factory=list)

    def log(self, number: int = 0) -> str:
        return self.logs[number].read_text()

    def wait_for_step(self, step: int, timeout: float = 60) -> None:
        """Until the first process has logged ``step``."""
        deadline = time.monotonic() + timeout
        while True:
            running = self._running(0)
            # What comes through a launcher's pipe may end within a line.
            if any(done >= step for done, _ in losses(self.log().rpartition("\n")[0])):
                return
            assert running, f"ended before step {step}:\n{self.log()[-2000:]}"
            assert time.monotonic() < deadline, f"no step {step} within {timeout} s:\n{self.log()[-2000:]}"
            time.sleep(0.02)

    def terminate(self, *numbers: int) -> None:
        """SIGTERM to some of them, or to all."""
        for number in numbers or range(len(self.processes)):
            self.processes[number].terminate()

    def _running(self, number: int) -> bool:
        process = self.processes[number]
        return process.poll() is None if isinstance(process, subprocess.Popen) else bool(process.is_alive())

    def codes(self, timeout: float = 90) -> list[int]:
        """Exit codes. What has not ended by then is killed, and the test fails."""
        deadline = time.monotonic() + timeout
        codes = []
        for process in self.processes:
            left = max(0.1, deadline - time.monotonic())
            if isinstance(process, subprocess.Popen):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                codes.append(process.poll())
            else:
                process.join(left)
                codes.append(process.exitcode)
        if None in codes:
            for process in self.processes:
                process.kill()
            raise AssertionError(f"still running after {timeout} s: {codes}\n{self.log()[-3000:]}")
        return codes


def start_hosts(folder: Path, options: TrainingRun, data: Path, *, count: int = 2) -> Processes:
    """Launch as the platform does: one PID 1 a host, each with its own /opt/ml."""
    hosts = [f"127.0.0.{number + 1}" for number in range(count)]
    port, started = free_port(), Processes([], [])
    for rank, host in enumerate(hosts):
        paths = container(folder / host, options, hosts=hosts, rank=rank, data=data)
        started.paths.append(paths)
        started.logs.append(folder / f"{host}.log")
        with started.logs[-1].open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "training_code.launcher"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "SAGEMAKER_BASE_DIR": str(paths.base), "MASTER_PORT": str(port)},
            )  # fmt: skip
        started.processes.append(process)
    return started


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
    codes = started.codes(240)
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
        "127.0.0.1", port, size, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60),
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
    process = _forkserver().Process(target=_child, args=(work, dict(environment), str(log), arguments), daemon=False)
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
    BytesLmWorkload.export = lambda self, folder, trained: folder.mkdir(exist_ok=True)  # type: ignore
    if trouble is not None:
        trouble(train)
    return int(train.main())


_context: Any = None


def _forkserver() -> Any:
    """A forkserver that has torch imported, and what an optimiser draws in: a rank starts in well under a second."""
    global _context
    if _context is None:
        _context = mp.get_context("forkserver")
        _context.set_forkserver_preload(
            ["__main__", "torch._dynamo", "training_code.train", "training_code.parallel.fsdp"]
        )
        # Before Python 3.11.9 the server does not take over sys.path, and fails to preload without a word.
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = f"{Path(__file__).parent}:{ROOT}"
        ensure_running()
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)
    return _context
