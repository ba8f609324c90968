"""How fast a run ends and comes back: SIGTERM to COMMIT, and SIGKILL to the first new step, of the real program."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.settings import SEED, Setting
from ml_contract import metrics
from ml_contract.exit_codes import ExitCode
from ml_contract.hyperparameters import encode
from ml_contract.paths import ContainerPaths
from ml_contract.training.run import TrainingRun
from ml_contract.training.surroundings import Checkpointing
from training_code.data.tokens import TokenWriter
from training_code.workloads.bytes_lm.corpus import documents, standard_library

LAYERS = 4
"""Of the 1.2B shape: a checkpoint of all 16 layers, of which several lie on the disk, fills a small one."""
PATIENCE = 240.0
"""Seconds until a start that has not made a step counts as failed."""


def run(setting: Setting) -> dict[str, Any]:
    """Start, SIGTERM, start, SIGKILL, start: every time the program that a container runs."""
    shape = replace(setting.shape, layers=min(LAYERS, setting.shape.layers))
    with tempfile.TemporaryDirectory(prefix="trainyard-benchmark-") as name:
        paths = _container(Path(name), _run(replace(setting, shape=shape), Path(name)), shape.sequence_length)
        first = _Program(paths, Path(name) / "first.log")
        first.until(lambda: first.last(metrics.LOSS) >= 2)
        before = first.last(metrics.CHECKPOINT_STEP)
        asked = time.monotonic()
        first.process.send_signal(signal.SIGTERM)
        first.until(lambda: first.last(metrics.CHECKPOINT_STEP) > before)
        committed = time.monotonic() - asked
        ended = first.process.wait(PATIENCE)
        assert ended == ExitCode.INTERRUPTED, first.log.read_text()[-2000:]
        gone = time.monotonic() - asked

        second = _Program(paths, Path(name) / "second.log")
        second.until(lambda: second.last(metrics.CHECKPOINT_STEP) > 0 and second.last(metrics.LOSS) > 0)
        kept = second.last(metrics.CHECKPOINT_STEP)
        killed = time.monotonic()
        second.process.kill()
        second.process.wait()
        reached = second.last(metrics.LOSS)
        third = _Program(paths, Path(name) / "third.log")
        third.until(lambda: third.last(metrics.LOSS) > 0)
        back = time.monotonic() - killed
        resumed = third.last(metrics.RESTORED_STEP)
        third.process.kill()
        third.process.wait()
    return {
        "parameters": shape.size.parameters,
        "sigterm_to_commit_seconds": committed,
        "sigterm_to_exit_seconds": gone,
        "kill_to_first_step_seconds": back,
        "steps_lost": reached - resumed,
        "committed_step": kept,
        "resumed_step": resumed,
    }


def _run(setting: Setting, folder: Path) -> TrainingRun:
    usual = setting.run("eager")
    every = Checkpointing(every_steps=10, keep_last=2)
    return replace(usual, steps=100_000, checkpointing=every, checkpoint_uri=(folder / "checkpoints").as_uri())


def _container(folder: Path, run: TrainingRun, length: int) -> ContainerPaths:
    """/opt/ml of a job of one host, with Python's own sources as bytes to train on."""
    paths = ContainerPaths(base=folder / "ml")
    paths.config.mkdir(parents=True)
    paths.hyperparameters.write_text(json.dumps(encode(run)))
    writer = TokenWriter(paths.channel("train"), dtype="uint8", shard_tokens=2**22)
    for document in documents(standard_library(), SEED):
        writer.write(np.frombuffer(document.content, np.uint8))
        if writer.size > 64 * length:
            break
    writer.close({"name": "Python standard library"})
    return paths


class _Program:
    """``training_code.train`` as the only rank."""

    def __init__(self, paths: ContainerPaths, log: Path) -> None:
        self.log = log
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        environment: Mapping[str, str] = {
            **os.environ, "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "SAGEMAKER_BASE_DIR": str(paths.base),
        }  # fmt: skip
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training_code.train"], stdout=stream, stderr=subprocess.STDOUT, env=environment
            )

    def last(self, metric: metrics.Metric) -> int:
        """Step of the last line that has the metric; 0 where none has."""
        found = (metrics.parse(line) for line in self.log.read_text(errors="replace").splitlines())
        return max((step for step, values in filter(None, found) if metric in values), default=0)

    def until(self, happened: Callable[[], bool]) -> None:
        """Wait for it."""
        deadline = time.monotonic() + PATIENCE
        while not happened():
            if self.process.poll() is not None and not happened():
                raise RuntimeError(f"training ended with {self.process.returncode}: {self.log.read_text()[-800:]}")
            if time.monotonic() > deadline:
                self.process.kill()
                raise TimeoutError(f"nothing within {PATIENCE:.0f} s: {self.log.read_text()[-800:]}")
            time.sleep(0.01)
