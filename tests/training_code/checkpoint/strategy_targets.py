"""A tiny run under each strategy, and the faults that its ranks go through."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from checkpoint_harness import TinyRun, full, manager
from checkpoint_targets import refuse
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from ml_contract.checkpoint.catalog import attempts
from training_code.checkpoint import Event, ModelState, OptimizerState
from training_code.checkpoint.file_storage import FileStorage, _FileWriter
from training_code.checkpoint.reader import VerifiedReader
from training_code.parallel.flat_shard import FlatShard

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


class ZeroRun(TinyRun):
    """ZeRO-3: each rank holds and updates a stretch of every flattened parameter, whole ones exist for a step alone."""

    def __init__(self) -> None:
        super().__init__()
        size, rank = dist.get_world_size(), dist.get_rank()
        self.flat: dict[str, Tensor] = {}
        self.starts: dict[str, int] = {}
        for name, parameter in self.model.named_parameters():
            count = -(-parameter.numel() // size)
            self.starts[name] = min(rank * count, parameter.numel())
            self.flat[name] = parameter.detach().flatten()[self.starts[name] :][:count].clone()
        self.optimizer = torch.optim.AdamW(list(self.flat.values()), lr=1e-3)
        self.optimizer.register_step_pre_hook(lambda *_: self._divide())
        for flat in self.flat.values():
            moments = {key: torch.zeros_like(flat) for key in ("exp_avg", "exp_avg_sq")}
            self.optimizer.state[flat] = {"step": torch.zeros(()), **moments}
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 1000)
        self.state |= {
            "model": Part(lambda: {name: self.shard(name, flat) for name, flat in self.flat.items()}),
            "optimizer": Part(self._moments), "scheduler": self.scheduler,
        }  # fmt: skip

    def shard(self, name: str, flat: Tensor) -> FlatShard:
        return FlatShard(flat, start=self.starts[name], shape=self.model.get_parameter(name).shape)

    def _moments(self) -> dict[str, Any]:
        kept = {name: self.optimizer.state[flat] for name, flat in self.flat.items()}
        return {
            name: {key: self.shard(name, value) if value.ndim else value for key, value in state.items()}
            for name, state in kept.items()
        }

    @torch.no_grad()
    def _gather(self) -> None:
        for name, flat in self.flat.items():
            whole = torch.zeros(self.model.get_parameter(name).numel())
            whole[self.starts[name] : self.starts[name] + flat.numel()] = flat
            dist.all_reduce(whole)
            self.model.get_parameter(name).copy_(whole.view(self.model.get_parameter(name).shape))

    def step(self) -> float:
        self._gather()
        self.optimizer.param_groups[0]["lr"] = self.scheduler.get_last_lr()[0]
        return super().step()

    def _divide(self) -> None:
        for name, flat in self.flat.items():
            gradient = self.model.get_parameter(name).grad
            assert gradient is not None
            dist.all_reduce(gradient)
            part = gradient.flatten()[self.starts[name] : self.starts[name] + flat.numel()]
            flat.grad, self.model.get_parameter(name).grad = part / dist.get_world_size(), None

    def content(self) -> Content:
        self._gather()
        return super().content()


class Part:
    """What a state dict names is loaded in place: it holds the tensors that are in use."""

    def __init__(self, state_dict: Callable[[], dict[str, Any]]) -> None:
        self.state_dict = state_dict

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass


STRATEGIES: dict[str, Callable[[], TinyRun]] = {"ddp": DdpRun, "fsdp": FsdpRun, "zero3": ZeroRun}


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

    _FileWriter.write = mortal  # type: ignore[method-assign]
    run.step()
    checkpoints.save(2, run.state)
    checkpoints.wait()


def suffer(strategy: str, uri: str) -> dict[str, Any]:
    """Go on after that, and through everything that may happen to a rank; what came of it."""
    build, rank = STRATEGIES[strategy], dist.get_rank()
    undisturbed = build()
    expected = [undisturbed.step() for _ in range(3)]
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
        found["as if undisturbed"] = run.progress.losses == expected and contents[3] == undisturbed.content()

        # One rank cannot write.
        with pytest.MonkeyPatch.context() as patch:
            if rank == 1:
                patch.setattr(_FileWriter, "write", refuse)
            checkpoints.save(4, run.state)
            try:
                checkpoints.wait()
            except Exception as error:
                found["told"] = f"{type(error).__name__}: {error}"

    # What one rank wrote is damaged.
    if rank == 0:
        storage = FileStorage(uri[7:])
        newest = next(attempt for attempt in attempts(storage) if attempt.committed)
        shard = Path(uri[7:]) / newest.prefix / "__1_0.distcp"
        data = bytearray(shard.read_bytes())
        data[len(data) // 2] ^= 1
        shard.write_bytes(data)
    dist.barrier()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VerifiedReader, "_piece", _unverified)
        found["without verification"] = _restore(build, uri)[0]
    step, content, kinds = _restore(build, uri)
    found |= {"fell back to": step, "its own numbers": content == contents.get(step), "events": kinds}
    return found | {"content": content}


def _restore(build: Callable[[], TinyRun], uri: str) -> tuple[int, Content, list[str]]:
    events: list[Event] = []
    run = build()
    with manager(uri, events) as checkpoints:
        checkpoints.restore(run.state)
    return run.progress.step, run.content(), [event.kind for event in events]


def _unverified(self: VerifiedReader, record: Any, offset: int, length: int) -> bytearray:
    pieces = self._storage.stream(f"{self._snapshot.attempt.prefix}/{record.name}", offset, length)
    return bytearray(b"".join(pieces))
