"""Checkpoints on a CPU: stall, dip, commit and recovery beside torch's own ways to save, and uploads in parallel.

All cases of a table save the same state of the same model in the same process, in turns. One rank, one thread for the
step, a local disk; ours is durable (fsync), verified block by block on the way out, and committed, torch's is none of
these unless it says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from benchmarks.results import publish

WIDTH, LAYERS, BATCH = 1024, 12, 24
ROUNDS = 3
CALM_STEPS = 6
UPLOAD_MIB, PART_MIB = 96, 8
CONNECTION_MB_S = 40.0
FIRST = "first step"


def main() -> None:
    """Measure and publish the three tables."""
    with tempfile.TemporaryDirectory() as folder:
        print(publish("checkpoint", _saves(Path(folder) / "saves"), (
            f"medians of {ROUNDS} rounds; a state of {12 * WIDTH * WIDTH * LAYERS / 1e6:.0f} MB in one rank. stall: the"
            " call returns; complete: everything is written (and, ours, committed); dip: mean step time until then by"
            f" median of {CALM_STEPS} steps before; stall/DCP: by torch.distributed.checkpoint.save"
        )))  # fmt: skip
        print(publish("checkpoint_recovery", _recovery(Path(folder) / "recovery"), (
            f"medians of {ROUNDS} rounds; seconds from SIGKILL to the end of the first step of the process that"
            " follows, its start and imports included"
        )))  # fmt: skip
        print(publish("checkpoint_upload", _uploads(), (
            f"one object of {UPLOAD_MIB} MiB in parts of {PART_MIB} MiB, to a server on the loopback that takes"
            f" {CONNECTION_MB_S:.0f} MB/s a connection; not S3"
        )))  # fmt: skip


class Trained:
    """A model with AdamW's moments, and its step."""

    def __init__(self) -> None:
        import torch

        from training_code.checkpoint import ModelState, OptimizerState

        torch.set_num_threads(1)
        torch.manual_seed(0)
        layers = [torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(LAYERS)]
        self.model = torch.nn.Sequential(*layers)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)
        self.batch = torch.randn(BATCH, WIDTH)
        self.state = {"model": ModelState(self.model), "optimizer": OptimizerState(self.model, self.optimizer)}

    def step(self) -> float:
        """Seconds of one step."""
        began = time.perf_counter()
        (self.model(self.batch) - self.batch).pow(2).mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return time.perf_counter() - began

    def content(self) -> dict[str, Any]:
        """What each case saves."""
        return {name: item.state_dict() for name, item in self.state.items()}


Save = Callable[[Trained, Path], Callable[[], bool]]
"""Saves, and returns what tells whether it is complete."""


def _torch_save(run: Trained, folder: Path) -> Callable[[], bool]:
    import torch

    with (folder / "state.pt").open("wb") as file:
        torch.save(run.content(), file)
        file.flush()
        os.fsync(file.fileno())
    return lambda: True


def _dcp_save(run: Trained, folder: Path) -> Callable[[], bool]:
    from torch.distributed.checkpoint import FileSystemWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    save(run.content(), storage_writer=FileSystemWriter(folder, sync_files=True), no_dist=True)
    return lambda: True


def _dcp_async(run: Trained, folder: Path) -> Callable[[], bool]:
    from torch.distributed.checkpoint import FileSystemWriter
    from torch.distributed.checkpoint.state_dict_saver import async_save

    future: Any = async_save(run.content(), storage_writer=FileSystemWriter(folder, sync_files=True), no_dist=True)
    return lambda: bool(future.done())


def _ours(mode: Literal["sync", "async"]) -> Save:
    managers: list[Any] = []

    def save(run: Trained, folder: Path) -> Callable[[], bool]:
        from ml_contract.training.surroundings import Checkpointing
        from training_code.checkpoint import CheckpointManager, CheckpointOptions, RunIdentity

        if not managers:
            # One manager a run: its staging buffers serve save after save.
            options = CheckpointOptions(policy=Checkpointing(mode=mode))
            managers.append(CheckpointManager(f"file://{folder}", options=options, run=RunIdentity.of("bench", {})))
        managers[0].save(len(managers), run.state)
        managers.append(None)
        return lambda: not managers[0].busy

    return save


CASES: dict[str, Save] = {
    "torch.save": _torch_save, "DCP save": _dcp_save, "DCP async_save": _dcp_async, "ours sync": _ours("sync"),
    "ours async": _ours("async"),
}  # fmt: skip


def _saves(folder: Path) -> list[dict[str, Any]]:
    run = Trained()
    for _ in range(3):
        run.step()
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in CASES}
    # The first round warms buffers and imports, and does not count.
    for number in range(ROUNDS + 1):
        for name, save in CASES.items():
            print(f"round {number} of {ROUNDS}: {name}", flush=True)
            place = folder / name.replace(" ", "-") / ("all" if name.startswith("ours") else str(number))
            place.mkdir(parents=True, exist_ok=True)
            calm = [run.step() for _ in range(CALM_STEPS)]
            began = time.perf_counter()
            complete = save(run, place)
            stall = time.perf_counter() - began
            beside = []
            while not complete():
                beside.append(run.step())
            seconds = time.perf_counter() - began
            if number:
                dip = statistics.mean(beside) / statistics.median(calm) if beside else 1.0
                measured[name].append((stall, seconds, dip))
            if not name.startswith("ours"):
                shutil.rmtree(place)
    rows = []
    base = statistics.median(stall for stall, _, _ in measured["DCP save"])
    for name, runs in measured.items():
        stall, seconds, dip = (statistics.median(column) for column in zip(*runs, strict=True))
        rows.append({"case": name, "stall s": stall, "complete s": seconds, "dip": dip, "stall/DCP": stall / base})
    return rows


def _recovery(folder: Path) -> list[dict[str, Any]]:
    measured: dict[str, list[float]] = {"from nothing": [], "ours": [], "torch.save": []}
    for number in range(ROUNDS):
        for name, found in measured.items():
            print(f"round {number + 1} of {ROUNDS}: recovery {name}", flush=True)
            place = folder / f"{name.replace(' ', '-')}-{number}"
            place.mkdir(parents=True)
            if name != "from nothing":
                _until_killed(name, place)
            began = time.perf_counter()
            _until_killed(name, place, first=True)
            found.append(time.perf_counter() - began)
    base = statistics.median(measured["from nothing"])
    return [
        {"case": name, "kill to first step s": (middle := statistics.median(found)), "ratio": middle / base}
        for name, found in measured.items()
    ]


def _until_killed(case: str, place: Path, *, first: bool = False) -> None:
    """Run a process until it has saved, or with ``first`` until its first step, and kill it."""
    command = [sys.executable, "-m", "benchmarks.checkpoint", "--train", case, str(place)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    awaited = FIRST if first else "saved"
    seen = any(line.strip() == awaited for line in process.stdout)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if not seen:
        sys.exit(f"benchmarks.checkpoint: a process that trains ended without {awaited!r}")


def _train(case: str, place: Path) -> None:
    """The process that is killed: restore, step, save, step for ever."""
    import torch

    run = Trained()
    manager: Any = None
    state = place / "state.pt"
    if case == "ours":
        from training_code.checkpoint import CheckpointManager, RunIdentity

        manager = CheckpointManager(f"file://{place}", run=RunIdentity.of("bench", {}))
        manager.restore(run.state)
    elif case == "torch.save" and state.exists():
        for name, content in torch.load(state, weights_only=True).items():
            run.state[name].load_state_dict(content)
    run.step()
    print(FIRST, flush=True)
    if manager is not None:
        manager.save(1, run.state)
        manager.wait()
    elif case == "torch.save":
        _torch_save(run, place)
    print("saved", flush=True)
    while True:
        run.step()


def _uploads() -> list[dict[str, Any]]:
    from benchmarks.slow_s3 import slow_s3
    from training_code.checkpoint import CheckpointOptions
    from training_code.checkpoint.checksum import crc64nvme
    from training_code.checkpoint.s3_storage import S3Storage

    content = os.urandom(UPLOAD_MIB * 2**20)
    seconds: dict[int, float] = {}
    with slow_s3(CONNECTION_MB_S * 1e6):
        for connections in (1, 2, 4, 8):
            storage = S3Storage(
                "bucket", "run", CheckpointOptions(concurrency=connections, part_bytes=PART_MIB * 2**20)
            )
            began = time.perf_counter()
            writer = storage.create("shard")
            writer.write(content)
            writer.finish(crc64nvme(content))
            seconds[connections] = time.perf_counter() - began
    return [
        {"connections": connections, "seconds": took, "MB/s": len(content) / took / 1e6, "speed-up": seconds[1] / took}
        for connections, took in seconds.items()
    ]


if __name__ == "__main__":
    _train(sys.argv[2], Path(sys.argv[3])) if sys.argv[1:2] == ["--train"] else main()
