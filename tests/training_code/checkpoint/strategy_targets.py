"""A tiny run under each strategy, and the faults that its ranks go through."""

from __future__ import annotations

import gc
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from checkpoint_harness import Progress, TinyRun, full, manager
from checkpoint_targets import refuse
from torch.nn.parallel import DistributedDataParallel

from ml_contract.checkpoint.catalog import attempts
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp
from ml_contract.workloads import BytesLm
from training_code import parallel, workloads
from training_code.checkpoint import Event, ModelState, OptimizerState, Stateful, rng
from training_code.checkpoint.file_storage import FileStorage, _FileWriter
from training_code.checkpoint.pieces import Check

Content = dict[str, list[float]]


class DdpRun(TinyRun):
    """Every rank has the whole model and the whole of the optimiser's state."""

    def __init__(self) -> None:
        super().__init__()
        self.plain = self.model
        self.model = DistributedDataParallel(self.plain)
        self.state |= {
            "model": ModelState(self.model), "optimizer": OptimizerState(self.model, self.optimizer)
        }  # fmt: skip

    def content(self) -> Content:
        return {name: value.flatten().tolist() for name, value in full(self.plain).items()}


class FsdpRun(TinyRun):
    """FSDP2: DTensors that the ranks divide by rows."""

    def __init__(self) -> None:
        super().__init__(sharded=True)


class EngineRun:
    """A strategy as a training run has it: of ZeRO-3 DeepSpeed's engine, with a stretch of each tensor."""

    def __init__(self, strategy: DeepSpeed | Fsdp | Ddp) -> None:
        size, rank = dist.get_world_size(), dist.get_rank()
        os.environ.update(LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE=str(size))
        here = parallel.Ranks(
            rank=rank, local_rank=rank, world_size=size, local_world_size=size, device=torch.device("cpu")
        )  # fmt: skip
        run = TrainingRun(
            workload=BytesLm(dimension=16, layers=1, heads=2, sequence_length=8), strategy=strategy,
            optimizer=AdamW(learning_rate=1e-3), global_batch_size=2 * size, steps=10,
        )  # fmt: skip
        self.model = parallel.build(run, workloads.load(run.workload), here)
        torch.manual_seed(1 + rank)
        self.progress = Progress()
        self.state: dict[str, Stateful] = {**self.model.state(), "progress": self.progress, "rng": rng()}

    def step(self) -> float:
        passed = self.model.forward_backward([torch.randint(0, 256, (2, 9))])
        self.model.clip(1.0)
        self.model.update(1e-3)
        self.progress.step += 1
        self.progress.losses.append(self.model.ranks.sums(passed.loss)[0] / self.model.ranks.world_size)
        return self.progress.losses[-1]

    def content(self) -> Content:
        """On rank 0; elsewhere nothing."""
        return {name: value.flatten().tolist() for name, value in self.model.gather().items()}

    def close(self) -> None:
        """DeepSpeed has one engine at a time."""
        self.model.close()


AnyRun = TinyRun | EngineRun
STRATEGIES: dict[str, Callable[[], AnyRun]] = {
    "ddp": DdpRun, "fsdp": FsdpRun, "zero3": lambda: EngineRun(DeepSpeed(stage=3, bucket_mib=1))
}  # fmt: skip


def import_deepspeed() -> None:
    """As a rank does that trains by it."""
    from training_code.parallel.deepspeed import library

    library(torch.device("cpu"))
    # An engine that ends has all objects looked at.
    gc.freeze()


def die_while_saving(strategy: str, uri: str, after: int) -> None:
    """Commit step 1; then every rank is gone after so many bytes of step 2."""
    run = STRATEGIES[strategy]()
    checkpoints = manager(uri)
    run.step()
    checkpoints.save(1, run.state)
    checkpoints.wait()
    write, left = _FileWriter.write, [after]

    def mortal(self: _FileWriter, data: Any) -> None:
        write(self, memoryview(data).cast("B")[: max(0, left[0])])
        left[0] -= memoryview(data).nbytes
        if left[0] < 0:
            self._file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    _FileWriter.write = mortal
    run.step()
    checkpoints.save(2, run.state)
    checkpoints.wait()


def suffer(strategy: str, uri: str) -> dict[str, Any]:
    """Go on after that, and through everything that may happen to a rank; what came of it."""
    build, rank = STRATEGIES[strategy], dist.get_rank()
    undisturbed = build()
    expected = [undisturbed.step() for _ in range(3)], undisturbed.content()
    undisturbed.close()
    found: dict[str, Any] = {}

    run = build()
    contents: dict[int, Content] = {}
    with manager(uri, collective_timeout_s=20.0) as checkpoints:
        restored = checkpoints.restore(run.state)
        found["resumed from"] = restored.step if restored else 0
        for step in (2, 3):
            run.step()
            checkpoints.save(step, run.state)
            contents[step] = run.content()
        checkpoints.wait()
        found["as if undisturbed"] = (run.progress.losses, contents[3]) == expected

        # One rank cannot write.
        with pytest.MonkeyPatch.context() as patch:
            if rank == 1:
                patch.setattr(_FileWriter, "write", refuse)
            checkpoints.save(4, run.state)
            try:
                checkpoints.wait()
            except Exception as error:
                found["told"] = f"{type(error).__name__}: {error}"

    run.close()

    # What one rank wrote is damaged.
    if rank == 0:
        storage = FileStorage(uri[7:])
        newest = next(attempt for attempt in attempts(storage) if attempt.committed)
        folder = Path(uri[7:]) / newest.prefix
        stored = pickle.loads((folder / ".metadata").read_bytes()).storage_data.values()
        largest = max((one for one in stored if one.relative_path == "__1_0.distcp"), key=lambda one: one.length)
        data = bytearray((folder / "__1_0.distcp").read_bytes())
        data[largest.offset + largest.length // 2] ^= 1
        (folder / "__1_0.distcp").write_bytes(data)
    dist.barrier()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Check, "finding", None)
        found["without verification"] = _restore(build, uri)[0]
    step, content, kinds = _restore(build, uri)
    found |= {"fell back to": step, "its own numbers": content == contents.get(step), "events": kinds}
    if strategy == "zero3":
        found["by another strategy"] = _restore(lambda: EngineRun(Fsdp()), uri)[:2] == (step, content)
    return found | {"content": content}


def alone(uri: str) -> tuple[int, Content]:
    """Step and parameters that one rank, under DDP, resumes with."""
    return _restore(lambda: EngineRun(Ddp()), uri)[:2]


def _restore(build: Callable[[], AnyRun], uri: str) -> tuple[int, Content, list[str]]:
    events: list[Event] = []
    run = build()
    with manager(uri, events) as checkpoints:
        checkpoints.restore(run.state)
    step, content = run.progress.step, run.content()
    run.close()
    return step, content, [event.kind for event in events]
