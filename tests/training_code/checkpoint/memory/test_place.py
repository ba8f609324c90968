"""Where the memory tier may be, what it takes, and who frees it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from checkpoint_harness import TinyRun, committed, manager, restored
from memory_targets import memory, opened

from ml_contract.errors import ContractError
from ml_contract.training.surroundings import MemoryTier
from training_code.checkpoint import Event, StorageError
from training_code.checkpoint.memory import place, room
from training_code.checkpoint.memory.nodes import Nodes
from training_code.checkpoint.memory.place import LOCK, NodePlace
from training_code.checkpoint.sources import DurableSource

URI = "file:///somewhere"


def test_a_folder_that_is_no_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "20 1 8:1 / / rw - ext4 /dev/vda rw\n21 20 0:5 / /dev/shm rw shared:1 - tmpfs shm rw\n"
        "22 20 0:6 / /with\\040space rw - tmpfs shm rw\n23 21 0:7 / /dev/shm/disk rw - xfs /dev/vdb rw\n"
    )
    monkeypatch.setattr(place, "MOUNTS", mounts)
    assert place.filesystem(Path("/dev/shm/below/it")) == "tmpfs"
    assert place.filesystem(Path("/with space/x")) == "tmpfs"
    assert place.filesystem(Path("/dev/shmem")) == "ext4"
    assert place.filesystem(Path("/dev/shm/disk/x")) == "xfs"
    with pytest.raises(ContractError, match=r"memory.folder: got '/opt/x', but it must be on a tmpfs, and is on ext4"):
        NodePlace(memory("/opt/x"), URI)


@pytest.mark.parametrize(
    ("tier", "message"),
    [
        (MemoryTier(every_steps=1), "memory.folder: got None"),
        (MemoryTier(every_steps=1, folder="/dev/shm/x"), "memory.budget_mib: got None"),
    ],
)
def test_what_the_job_gives_must_be_given(tier: MemoryTier, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        NodePlace(tier, URI)


def test_too_little_memory_is_refused_with_the_numbers() -> None:
    nodes = Nodes.named(["a", "a", "b"])
    mebibyte = 2**20
    sizes, has = [10 * mebibyte, 10 * mebibyte, 5 * mebibyte], [75 * mebibyte] * 2 + [50 * mebibyte]
    room.admit(sizes, has, nodes, copies=1, keep=2)
    with pytest.raises(ContractError, match=r"budget_mib: got 50, but a commit takes 25.0 MiB of a node with 1 copies"
                       r" of others, and 3 are kept: 75 MiB\. Give at least 75, or lower copies or keep"):  # fmt: skip
        room.admit(sizes, has, nodes, copies=1, keep=3)


def test_a_fresh_run_is_measured_and_refused_before_its_first_step(base: Path, uri: str) -> None:
    """Guards the estimate: an optimizer that has taken no step yet counts, and is left as it was."""
    run = TinyRun(width=100_000)
    checkpoints = manager(uri, memory=memory(base, budget_mib=30))
    with pytest.raises(ContractError, match="Give at least"):
        checkpoints.restore(run.state)
    assert not run.optimizer.state
    with opened(uri, base) as checkpoints:
        small = TinyRun()
        checkpoints.restore(small.state)
        (estimate,) = room.written(small.state, checkpoints._control)
        small.step()
        assert room.written(small.state, checkpoints._control) == [estimate]
        checkpoints.save_in_memory(1, small.state)
    taken = sum(path.stat().st_size for path in base.glob("*/step-*/*/*"))
    assert taken < estimate
    assert estimate - room.RANK_BYTES < 3 * taken


def test_the_measure_changes_no_step(base: Path, uri: str) -> None:
    run, other = TinyRun(), TinyRun()
    with opened(uri, base) as checkpoints:
        checkpoints.restore(run.state)
    for each in (run, other):
        torch.manual_seed(5)
        each.step()
        each.step()
    assert run.content() == other.content()


def test_what_left_runs_hold_is_freed_and_what_living_ones_hold_is_not(base: Path) -> None:
    """Guards the node's memory against runs that failed, and a run against another on its node."""
    left = NodePlace(memory(base), "file:///left")
    left.close()
    living = NodePlace(memory(base), "file:///living")
    beginning = base / ("0" * 32)
    forgotten = base / ("1" * 32)
    stranger = base / "somebody else's"
    for folder in (beginning, forgotten, stranger):
        folder.mkdir()
    os.utime(forgotten, (time.time() - 3600,) * 2)
    NodePlace(memory(base), URI).sweep()
    assert not left.folder.exists()
    assert not forgotten.exists()
    assert (living.folder / LOCK).exists()
    assert beginning.exists()
    assert stranger.exists()


def test_memory_belongs_to_its_durable_place(base: Path, tmp_path: Path) -> None:
    """Guards a new start: a run that was given another checkpoint_uri must not go on from what the old one left."""
    run = TinyRun()
    for _ in range(3):
        run.step()
    with opened(f"file://{tmp_path}/a", base) as checkpoints:
        checkpoints.save_in_memory(3, run.state)
    assert restored(f"file://{tmp_path}/a", memory=memory(base)) == (3, run.content())
    assert restored(f"file://{tmp_path}/b", memory=memory(base))[0] == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 4 MiB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(tmp_path)], capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_tmpfs_is_a_warning_and_the_durable_tier_goes_on(
    small: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    uri, events = f"file://{tmp_path_factory.mktemp('durable')}", list[Event]()
    run = TinyRun()
    run.step()
    with opened(uri, small, events, mode="sync") as checkpoints:
        checkpoints.restore(run.state)
        checkpoints.save_in_memory(1, run.state)
        with contextlib.suppress(OSError), (small / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(b"\0" * 4096)
        checkpoints.save_in_memory(2, run.state)
        checkpoints.save(3, run.state)
        (small / "ballast").unlink()
        checkpoints.save_in_memory(4, run.state)
    told = [(event.kind, event.step, event.tier) for event in events if event.kind in ("committed", "warning")]
    assert told == [
        ("warning", 0, "memory"), ("committed", 1, "memory"), ("warning", 2, "memory"), ("committed", 3, "durable"),
        ("committed", 4, "memory"),
    ]  # fmt: skip
    (full,) = [event.detail for event in events if event.step == 2 and event.kind == "warning"]
    assert "No space left on device" in full
    assert not list(small.glob("*/step-00000002/*/*"))
    assert list(small.glob("*/step-00000001/*/*"))


def test_the_newer_of_both_tiers_is_taken_and_memory_of_equal_ones(base: Path, uri: str) -> None:
    content = committed(uri, 2, memory=memory(base))[2]
    events: list[Event] = []
    assert restored(uri, events, memory=memory(base)) == (2, content)
    assert events[-1].tier == "durable"
    run = TinyRun()
    with opened(uri, base) as checkpoints:
        checkpoints.restore(run.state)
        checkpoints.save_in_memory(2, run.state)
        found = checkpoints.restore(run.state)
        assert found is not None
        assert found.tier == "memory"


def test_an_unreadable_durable_place_is_no_reason_to_stop(
    base: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TinyRun()
    run.step()
    with opened(uri, base) as checkpoints:
        checkpoints.save_in_memory(1, run.state)
    first = run.content()
    run.step()
    committed(uri, 2)
    content = run.content()

    def silent(*_: object) -> None:
        raise StorageError("S3 is silent")

    for method in ("listed", "opened", "fetch"):
        events: list[Event] = []
        with monkeypatch.context() as patch:
            patch.setattr(DurableSource, method, silent)
            assert restored(uri, events, memory=memory(base)) == (1, first)
            with pytest.raises(StorageError, match="S3 is silent"):
                restored(uri)
        assert [event.detail for event in events if event.kind == "warning" and event.step] == [
            "a newer one may be durable, which could not be read: S3 is silent"
        ]
    assert restored(uri, memory=memory(base)) == (2, content)
