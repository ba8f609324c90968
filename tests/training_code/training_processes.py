"""Processes that train: followed by their logs, ended, and waited for."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ports
from training_harness import ROOT, container, steps

from ml_contract import metrics
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun

LIMIT_S = 240.0
"""For processes that hang: less than a test may take, and more than any machine needs."""


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

    def wait_for_step(self, step: int, timeout: float = LIMIT_S) -> None:
        """Until the first process has logged ``step``."""
        self.wait_for(metrics.LOSS, step, timeout)

    def wait_for(self, metric: metrics.Metric, step: int, timeout: float = LIMIT_S) -> None:
        """Until the first process has logged a metric for ``step`` or a later one."""
        deadline = time.monotonic() + timeout
        while True:
            running = self._running(0)
            # What comes through a launcher's pipe may end within a line.
            if any(done >= step for done in steps(self.log().rpartition("\n")[0], metric)):
                return
            assert running, f"ended before {metric} of step {step}:\n{self.log()[-2000:]}"
            assert time.monotonic() < deadline, f"no {metric} of step {step} in {timeout} s:\n{self.log()[-2000:]}"
            time.sleep(0.02)

    def terminate(self, *numbers: int) -> None:
        """SIGTERM to some of them, or to all."""
        for number in numbers or range(len(self.processes)):
            self.processes[number].terminate()

    def _running(self, number: int) -> bool:
        process = self.processes[number]
        return process.poll() is None if isinstance(process, subprocess.Popen) else bool(process.is_alive())

    def codes(self, timeout: float = LIMIT_S) -> list[int]:
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


HOLDING = """
import sys
if "training_code.train" in sys.orig_argv:
    from training_troubles import held_after
    held_after({step})(None)
"""


def start_hosts(
    folder: Path, options: TrainingRun, data: Path, *, count: int = 2, held: int | None = None
) -> Processes:
    """Launch as the platform does: one PID 1 a host, each with its own /opt/ml.

    Args:
        folder: For hosts and logs.
        options: The run.
        data: The split to train on.
        count: Hosts.
        held: The step after which the run waits for SIGTERM; None trains to the end.
    """
    environment = {**os.environ, "MASTER_PORT": str(ports.free_port())}
    if held is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(HOLDING.format(step=held))
        environment["PYTHONPATH"] = ":".join(map(str, (folder, Path(__file__).parent, Path(ports.__file__).parent)))
    hosts = [f"127.0.0.{number + 1}" for number in range(count)]
    started = Processes([], [])
    for rank, host in enumerate(hosts):
        paths = container(folder / host, options, hosts=hosts, rank=rank, data=data)
        started.paths.append(paths)
        started.logs.append(folder / f"{host}.log")
        with started.logs[-1].open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "training_code.launcher"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                env={**environment, "SAGEMAKER_BASE_DIR": str(paths.base)},
            )  # fmt: skip
        started.processes.append(process)
    return started
