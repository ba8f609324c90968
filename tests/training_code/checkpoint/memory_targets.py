"""What ranks of the tests of the memory tier run, each on a node of its own or on one of two."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from checkpoint_harness import TinyRun, manager
from checkpoint_targets import picture

from ml_contract.training.surroundings import MemoryTier
from training_code.checkpoint import CheckpointManager, Event
from training_code.checkpoint.file_storage import FileStorage
from training_code.checkpoint.memory import exchange, saving

BUDGET_MIB = 64


def memory(folder: Path | str, *, copies: int = 1, keep: int = 2, budget_mib: int = BUDGET_MIB) -> MemoryTier:
    """The tier in one node's folder."""
    return MemoryTier(every_steps=1, copies=copies, keep=keep, folder=str(folder), budget_mib=budget_mib)


def opened(uri: str, node: Path | str, events: list[Event] | None = None, **options: Any) -> CheckpointManager:
    """A manager with a tier in memory."""
    options |= {"memory": memory(node, **{key: options.pop(key) for key in ("copies", "keep") if key in options})}
    return manager(uri, events, collective_timeout_s=20.0, **options)


def trained(uri: str, base: str, *, durable: int, last: int, per_node: int = 1, **options: Any) -> dict[str, Any]:
    """Commit step ``durable`` durably and each one after it in memory, up to ``last``; the state there."""
    run = TinyRun(sharded=True)
    with opened(uri, f"{base}/{dist.get_rank() // per_node}", **options) as checkpoints:
        checkpoints.restore(run.state)
        while run.progress.step < last:
            run.step()
            if run.progress.step == durable:
                checkpoints.save(durable, run.state)
            elif run.progress.step > durable:
                checkpoints.save_in_memory(run.progress.step, run.state)
    return picture(run)


def resumed(uri: str, node: str) -> tuple[str, dict[str, Any], list[str]]:
    """Tier and state that a run resumes with, and what this rank was told, one line each."""
    events: list[Event] = []
    run = TinyRun(sharded=True)
    with opened(uri, node, events) as checkpoints:
        found = checkpoints.restore(run.state)
    return found.tier if found else "", picture(run), [f"{one.kind} {one.tier}: {one.detail}" for one in events]


Scene = Callable[[list[Path]], None]


def scenes(uri: str, base: str, plots: Sequence[tuple[str, tuple[int, ...]]]) -> list[Any]:
    """Train once, then resume after each plot, on copies of what the nodes held.

    Args:
        uri: Durable place.
        base: Folder on a tmpfs.
        plots: What befalls the nodes, by name in ``PLOTS``, and which node each rank then finds itself on.
    """
    # So that a file is many chunks on its way.
    exchange.CHUNK_BYTES = 1000
    before = trained(uri, f"{base}/before", durable=2, last=4)
    rank, answers = dist.get_rank(), [("", before, [""])]
    for number, (plot, order) in enumerate(plots):
        after = Path(f"{base}/after-{number}")
        if rank == 0:
            shutil.copytree(f"{base}/before", after)
            PLOTS[plot]([after / str(node) for node in range(dist.get_world_size())])
        dist.barrier()
        answers.append(resumed(uri, str(after / str(order[rank]))))
        dist.barrier()
    return answers


def _lose(*numbers: int) -> Scene:
    def scene(nodes: list[Path]) -> None:
        for number in numbers:
            shutil.rmtree(nodes[number])

    return scene


def _flip(step: int, name: str, *on: int) -> Scene:
    """Flip a bit of a file of one step, on some nodes."""

    def scene(nodes: list[Path]) -> None:
        for number in on:
            (path,) = nodes[number].glob(f"*/step-{step:08d}/*/{name}")
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)

    return scene


def _uncommit(nodes: list[Path]) -> None:
    """As if the job had died before any COMMIT of the newest step."""
    for node in nodes:
        for path in node.glob("*/step-00000004/*/COMMIT.json"):
            path.unlink()


def _commit_on_one(nodes: list[Path]) -> None:
    """As if the job had died when one node had its COMMIT."""
    _uncommit(nodes[:2] + nodes[3:])


PLOTS: dict[str, Scene] = {
    "nothing": lambda nodes: None,
    "one lost": _lose(1),
    "neighbours lost": _lose(1, 2),
    "opposites lost": _lose(0, 2),
    "a bit of one copy": _flip(4, "__1_0.distcp", 1),
    "a bit of both copies": _flip(4, "__1_0.distcp", 1, 2),
    "a state of both copies": _flip(4, "rank-00003.state", 3, 0),
    "a document of one node": _flip(4, "rank-00002.sidecar.json", 0),
    "no commit": _uncommit,
    "one commit": _commit_on_one,
}


def both_at_once(uri: str, base: str) -> list[Any]:
    """Durable saves and saves in memory on their way together, eight times; kinds and tiers of what came of them."""
    events: list[Event] = []
    run = TinyRun(sharded=True)
    with opened(uri, f"{base}/{dist.get_rank()}", events) as checkpoints:
        checkpoints.restore(run.state)
        for _ in range(8):
            run.step()
            checkpoints.save(run.progress.step, run.state)
            run.step()
            checkpoints.save_in_memory(run.progress.step, run.state)
    told = [(event.kind, event.tier) for event in events]
    return [picture(run), resumed(uri, f"{base}/{dist.get_rank()}"), told]


def two_to_a_node(uri: str, base: str) -> list[Any]:
    """Two ranks a node: what each node holds, and what they resume with after the other one is gone."""
    before = trained(uri, base, durable=2, last=5, per_node=2)
    rank = dist.get_rank()
    dist.barrier()
    here = Path(base) / str(rank // 2)
    names = sorted(path.name for path in here.glob("*/step-00000005/*/*"))
    steps = sorted(path.name for path in here.glob("*/step-*"))
    dist.barrier()
    if rank == 0:
        shutil.rmtree(Path(base) / "1")
    dist.barrier()
    after = resumed(uri, str(here))
    with opened(uri, here) as checkpoints:
        checkpoints.restore(TinyRun(sharded=True).state)
        checkpoints.forget()
    return [before, names, steps, after, list(here.glob("*/*"))]


def dies_in_memory(uri: str, base: str, moment: str) -> None:
    """Commit steps 2 durably and 3 in memory, and be killed within the save of 4 in memory."""
    rank = dist.get_rank()
    run = TinyRun(sharded=True)
    with pytest.MonkeyPatch.context() as patch, opened(uri, f"{base}/{rank}", mode="sync") as checkpoints:
        checkpoints.restore(run.state)
        for _ in range(2):
            run.step()
        checkpoints.save(2, run.state)
        run.step()
        checkpoints.save_in_memory(3, run.state)
        run.step()
        dist.barrier()
        if rank == 1:
            _mortal(patch, moment)
        checkpoints.save_in_memory(4, run.state)
    # The others are told, and end with it as they would with a job.
    os.kill(os.getpid(), signal.SIGKILL)


def _mortal(patch: pytest.MonkeyPatch, moment: str) -> None:
    def killed(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    match moment:
        case "copying":
            patch.setattr(saving.Copying, "_take", killed)
        case "committing":
            patch.setattr(FileStorage, "put_if_absent", killed)


def resumed_by_rank(uri: str, base: str) -> tuple[str, dict[str, Any], list[str]]:
    """Each rank on the node of its number."""
    return resumed(uri, f"{base}/{dist.get_rank()}")


def replicated(uri: str, base: str) -> list[Any]:
    """A model that every rank holds whole, of which each writes a part, without copies: on both nodes, then one."""
    rank = dist.get_rank()
    run = TinyRun()
    torch.manual_seed(7)  # every rank takes the same steps
    with opened(uri, f"{base}/{rank}", copies=0) as checkpoints:
        checkpoints.restore(run.state)
        for _ in range(3):
            run.step()
        checkpoints.save_in_memory(3, run.state)
    written = [path.name for path in Path(base).glob(f"{rank}/*/step-00000003/*/*.distcp")]
    answers: list[Any] = [run.content(), written]
    for lost in (False, True):
        dist.barrier()
        if lost and rank == 1:
            shutil.rmtree(f"{base}/1")
        dist.barrier()
        events: list[Event] = []
        after = TinyRun()
        with opened(uri, f"{base}/{1 - rank}", events, copies=0) as checkpoints:
            found = checkpoints.restore(after.state)
        answers.append((found.step if found else 0, after.content(), [event.kind for event in events]))
    return answers
