"""What the checkpoint tests share: a tiny run, its storage, and ranks as processes of a warm forkserver."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from warm_forkserver import forkserver

from ml_contract.training.surroundings import Checkpointing
from training_code.checkpoint import (
    CheckpointManager,
    CheckpointOptions,
    Event,
    ModelState,
    OptimizerState,
    RunIdentity,
    Stateful,
    rng,
)

RUN = RunIdentity.of("run", {"learning_rate": 1e-3})
QUICK = {"attempts": 4, "backoff_s": 0.01, "connect_timeout_s": 60.0, "read_timeout_s": 60.0}
"""Options that make a storage that refuses fail within a second or so, and leave one that is slow its time."""
HASTY = {**QUICK, "read_timeout_s": 2.0}
"""Options that make a silent storage fail, too."""
LIMIT_S = 240.0
"""For ranks that hang: less than a test may take, and more than any machine needs."""


@dataclass
class Progress:
    """Steps done and their losses: the same on every rank."""

    step: int = 0
    losses: list[float] = field(default_factory=list)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "losses": list(self.losses)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.step, self.losses = state_dict["step"], list(state_dict["losses"])


class TinyRun:
    """A model with dropout, AdamW and a schedule, on data drawn from the ranks' own generators."""

    def __init__(self, width: int = 16, *, sharded: bool = False) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(8, width), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(width, 8)
        )
        if sharded:
            fully_shard(self.model[0])
            fully_shard(self.model)
        torch.manual_seed(1 + (dist.get_rank() if dist.is_initialized() else 0))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 1000)
        self.progress = Progress()
        self.state: dict[str, Stateful] = {
            "model": ModelState(self.model),
            "optimizer": OptimizerState(self.model, self.optimizer),
            "scheduler": self.scheduler,
            "progress": self.progress,
            "rng": rng(),
        }

    def step(self) -> float:
        batch = torch.randn(4, 8)
        loss = (self.model(batch) - batch).pow(2).mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.scheduler.step()
        mean = loss.detach().clone()
        if dist.is_initialized():
            dist.all_reduce(mean)
        self.progress.step += 1
        self.progress.losses.append(mean.item())
        return mean.item()

    def content(self) -> dict[str, list[float]]:
        """Every parameter, to compare."""
        return {name: value.flatten().tolist() for name, value in full(self.model).items()}

    def close(self) -> None:
        """Nothing is held."""


def full(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A model's parameters, gathered; a collective where they are sharded."""
    return {
        name: (value.full_tensor() if hasattr(value, "full_tensor") else value).detach().clone()
        for name, value in model.state_dict().items()
    }


def manager(uri: str, events: list[Event] | None = None, run: RunIdentity = RUN, **options: Any) -> CheckpointManager:
    """A manager whose events end up in ``events``; ``options`` are its own and those of the policy."""
    note = events.append if events is not None else None
    return CheckpointManager(uri, options=told(on_event=note, **options), run=run)


def told(**options: Any) -> CheckpointOptions:
    """Options of a manager, and of its policy, by their names."""
    policy = {
        name: options.pop(name)
        for name in ("mode", "keep_last", "keep_every", "keep_best", "begin_from", "memory")
        if name in options
    }
    return CheckpointOptions(policy=Checkpointing(**policy), **options)


def committed(uri: str, *steps: int, width: int = 16, **options: Any) -> dict[int, dict[str, list[float]]]:
    """Train a tiny run and commit it at ``steps``; its parameters at each, by step."""
    run, contents = TinyRun(width), {}
    with manager(uri, **options) as checkpoints:
        checkpoints.restore(run.state)
        while run.progress.step < max(steps):
            run.step()
            if run.progress.step in steps:
                checkpoints.save(run.progress.step, run.state)
                contents[run.progress.step] = run.content()
    return contents


def restored(
    uri: str, events: list[Event] | None = None, width: int = 16, **options: Any
) -> tuple[int, dict[str, list[float]]]:
    """Step and parameters that a new process of the run would resume with; step 0 when there is nothing."""
    run = TinyRun(width)
    with manager(uri, events, **options) as checkpoints:
        found = checkpoints.restore(run.state)
    assert (found.step if found else 0) == run.progress.step
    return run.progress.step, run.content()


def _rank(
    target: Callable[..., Any],
    rank: int,
    size: int,
    folder: str,
    aws: dict[str, str],
    arguments: tuple[Any, ...],
    imports: Callable[[], Any] | None,
    doomed: Callable[[], Any] | None,
) -> None:
    torch.set_num_threads(1)
    # The forkserver's environment is that of its own start.
    os.environ.update(aws)
    try:
        if imports is not None:
            imports()
        if doomed is not None:
            _until_killed(doomed, rank, size, folder)
        dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=size)
        answer = (True, target(*arguments))
        dist.destroy_process_group()
    except BaseException:
        answer = (False, traceback.format_exc())
    torch.save(answer, f"{folder}/{rank}.partial")
    Path(f"{folder}/{rank}.partial").rename(f"{folder}/{rank}.answer")


def _until_killed(work: Callable[[], Any], rank: int, size: int, folder: str) -> None:
    """Do it in a fork of this rank, joined with those of the others, and see that it killed itself."""
    pid = os.fork()
    if pid == 0:
        try:
            dist.init_process_group("gloo", init_method=f"file://{folder}/doomed", rank=rank, world_size=size)
            work()
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), f"it ended by itself, with {os.waitstatus_to_exitcode(status)}"
    assert os.WTERMSIG(status) == signal.SIGKILL


class Ranks:
    """Processes of one process group. What ``target`` returns on each comes back from :meth:`answers`.

    Args:
        size: Ranks.
        target: A function of a module's top level.
        arguments: Its own.
        imports: Imports what takes long, once for ``target`` and ``doomed``.
        doomed: What a fork of each rank does before, until it kills itself.
    """

    def __init__(
        self,
        size: int,
        target: Callable[..., Any],
        *arguments: Any,
        imports: Callable[[], Any] | None = None,
        doomed: Callable[[], Any] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ranks-")
        folder = self._folder.name
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        self._processes = [
            forkserver().Process(
                target=_rank, args=(target, rank, size, folder, aws, arguments, imports, doomed), daemon=True
            )
            for rank in range(size)
        ]
        for process in self._processes:
            process.start()

    def kill(self) -> None:
        """SIGKILL, all of them."""
        for process in self._processes:
            process.kill()
        self._ended(LIMIT_S)

    def kill_is_expected(self, timeout: float = LIMIT_S) -> None:
        """Wait for processes that kill themselves, and see that they did."""
        self._ended(timeout)
        assert {process.exitcode for process in self._processes} == {-signal.SIGKILL}
        self._folder.cleanup()

    def answers(self, timeout: float = LIMIT_S) -> list[Any]:
        """What the ranks returned, by rank. Raises AssertionError with the traceback of one that failed."""
        self._ended(timeout)
        answers = [self.answer(rank) for rank in range(len(self._processes))]
        self._folder.cleanup()
        return answers

    def answer(self, rank: int) -> Any:
        """What one rank returned."""
        path = Path(self._folder.name) / f"{rank}.answer"
        assert path.exists(), f"rank {rank} ended with {self._processes[rank].exitcode} and no answer"
        returned, answer = torch.load(path, weights_only=False)
        assert returned, answer
        return answer

    def _ended(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        for process in self._processes:
            process.join(max(0, deadline - time.monotonic()))
        late = [process for process in self._processes if process.is_alive()]
        for process in late:
            process.kill()
            process.join()
        assert not late, f"{len(late)} ranks did not end within {timeout} s"


def ranks(size: int, target: Callable[..., Any], *arguments: Any, **options: Any) -> list[Any]:
    """Run ``target`` on ``size`` ranks."""
    return Ranks(size, partial(target, **options), *arguments).answers()


sys.modules.setdefault("checkpoint_harness", sys.modules[__name__])
