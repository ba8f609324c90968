"""A run with checkpoints in the memory of its hosts, one of whose processes is killed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_harness import figures, losses, tiny_run
from training_ranks import start_ranks
from training_troubles import held_after, host_each, several

from ml_contract import metrics
from ml_contract.checkpoint.catalog import attempts
from ml_contract.training.surroundings import MemoryTier
from training_code.checkpoint.file_storage import FileStorage

STEPS = 20
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
    run = tiny_run(steps=STEPS, checkpoint_steps=8, checkpoint_uri=f"file://{tmp_path}/durable")
    memory = MemoryTier(every_steps=3, folder=str(base), budget_mib=64)
    run = dataclasses.replace(run, checkpointing=dataclasses.replace(run.checkpointing, memory=memory))
    trouble = several(host_each, held_after(13))
    first = start_ranks(tmp_path / "first", run, shards, trouble=trouble, environment=ONE_A_HOST)
    first.wait_for_step(13)
    first.wait_for(metrics.CHECKPOINT_STEP, 8)
    first.wait_for(metrics.CHECKPOINT_MEMORY_STEP, 12)
    first.processes[1].kill()
    first.processes[0].kill()
    first.codes()
    shutil.rmtree(base / "1")
    assert [a.step for a in attempts(FileStorage(f"{tmp_path}/durable")) if a.committed] == [8]

    second = start_ranks(tmp_path / "second", run, shards, trouble=host_each, environment=ONE_A_HOST)
    assert second.codes() == [0, 0], second.log()
    assert figures(second.log(), metrics.RESTORED_STEP) == [12]
    assert "step 12 is restored from the nodes' memory" in second.log()
    undisturbed = start_ranks(tmp_path / "undisturbed", tiny_run(steps=STEPS), shards)
    assert undisturbed.codes() == [0, 0]
    expected = losses(undisturbed.log())
    assert losses(first.log()) == expected[:13]
    assert losses(second.log()) == expected[12:]
    # A run that is through needs no memory.
    assert not list(base.glob("*/*"))
