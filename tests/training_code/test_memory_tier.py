"""A run with checkpoints in the memory of its hosts, one of whose processes is killed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_harness import figures, losses, tiny_run
from training_ranks import start_ranks
from training_troubles import host_each

from ml_contract import metrics
from ml_contract.checkpoint.catalog import attempts
from ml_contract.training.surroundings import MemoryTier
from training_code.checkpoint.file_storage import FileStorage

ONE_A_HOST = {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder on a tmpfs, with those of the hosts below it."""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm to write to")
    with tempfile.TemporaryDirectory(prefix="memory-run-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_killed_process_costs_the_steps_since_the_last_commit_in_memory(
    base: Path, tmp_path: Path, shards: Path
) -> None:
    """Guards the tier end to end: newer than the durable commit, equal bit for bit, and gone when the run is through.

    One host dies with its memory, too: its shards come from the other's copy.
    """
    run = tiny_run(steps=60, checkpoint_steps=20, checkpoint_uri=f"file://{tmp_path}/durable")
    memory = MemoryTier(every_steps=3, folder=str(base), budget_mib=64)
    run = dataclasses.replace(run, checkpointing=dataclasses.replace(run.checkpointing, memory=memory))
    first = start_ranks(tmp_path / "first", run, shards, trouble=host_each, environment=ONE_A_HOST)
    deadline = time.monotonic() + 60
    while not any(step >= 24 for step in figures(first.log(), metrics.CHECKPOINT_MEMORY_STEP)):
        assert time.monotonic() < deadline, first.log()
        assert all(process.is_alive() for process in first.processes), first.log()
        time.sleep(0.01)
    first.processes[1].kill()
    first.processes[0].kill()
    first.codes()
    shutil.rmtree(base / "1")
    durable = max(a.step for a in attempts(FileStorage(f"{tmp_path}/durable")) if a.committed)

    second = start_ranks(tmp_path / "second", run, shards, trouble=host_each, environment=ONE_A_HOST)
    assert second.codes() == [0, 0], second.log()
    (resumed,) = figures(second.log(), metrics.RESTORED_STEP)
    assert resumed > durable >= 20
    assert resumed % 3 == 0
    assert f"step {resumed:.0f} is restored from the nodes' memory" in second.log()
    plain = tiny_run(steps=60)
    undisturbed = start_ranks(tmp_path / "undisturbed", plain, shards)
    assert undisturbed.codes() == [0, 0]
    expected = dict(losses(undisturbed.log()))
    before, after = losses(first.log()), losses(second.log())
    assert [step for step, _ in after] == list(range(int(resumed) + 1, 61))
    assert all(expected[step] == loss for step, loss in before + after)
    # A run that is through needs no memory.
    assert not list(base.glob("*/*"))
