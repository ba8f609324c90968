"""Saves that are killed at any byte, that lose a rank, that ranks disagree about, and that fill the disk."""

from __future__ import annotations

import errno
import os
import pickle
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from checkpoint_harness import Ranks, committed, ranks, restored
from checkpoint_targets import (
    commit_sharded,
    killed_at_byte,
    restore_sharded,
    save_with_one_bad_rank,
    untouched_by_refusal,
)
from fault_scenarios import newest, place

from training_code.checkpoint import (
    Event,
    StorageError,
)

Patch = pytest.MonkeyPatch


@pytest.mark.slow
def test_a_kill_at_any_byte_of_a_save_leaves_the_last_commit(tmp_path: Path) -> None:
    """Guards the whole of the protocol against SIGKILL: at no byte does half a save count."""
    generator = random.Random(20261121)
    for number in range(8):
        uri = place(tmp_path / str(number))
        Ranks(1, killed_at_byte, uri, generator.randrange(60_000)).kill_is_expected()
        events: list[Event] = []
        assert restored(uri, events)[0] == 1
        assert [event.kind for event in events] == ["restored"]
        # The next run goes on, and its save of the same step is none the worse for what lies there.
        contents = committed(uri, 2)
        assert restored(uri) == (2, contents[2])


@pytest.mark.slow
def test_no_rank_accepts_what_another_refuses(tmp_path: Path) -> None:
    """Guards 'verify all, then accept' across ranks: rank 0, which reads nothing damaged, loads nothing either."""
    ranks(2, commit_sharded, place(tmp_path), 1, block_bytes=16)
    victim = newest(tmp_path)
    stored = pickle.loads((victim / ".metadata").read_bytes()).storage_data
    weight = next(
        info for index, info in stored.items() if index.fqn == "model.3.weight" and info.relative_path == "__1_0.distcp"
    )
    shard = bytearray((victim / "__1_0.distcp").read_bytes())
    shard[weight.offset + weight.length // 2] ^= 1
    (victim / "__1_0.distcp").write_bytes(shard)
    assert ranks(2, untouched_by_refusal, place(tmp_path)) == [True, True]


@pytest.mark.slow
def test_ranks_that_disagree_commit_nothing(tmp_path: Path) -> None:
    """Guards agreement on a save: no rank takes for committed what another wrote otherwise."""
    answers = ranks(2, save_with_one_bad_rank, place(tmp_path), "another value")
    told = "CheckpointError: state['progress']: got different values on ranks 0 and 1"
    assert all(answer.startswith(told) for answer in answers), answers
    assert [step for step, _ in ranks(2, restore_sharded, place(tmp_path))] == [1, 1]


@pytest.mark.slow
def test_a_rank_that_is_gone_ends_the_wait_of_the_others(tmp_path: Path) -> None:
    """Guards against a hang: the survivor is told, and the last commit stands."""
    launch = Ranks(2, save_with_one_bad_rank, place(tmp_path), "gone")
    with pytest.raises(AssertionError, match="rank 1 ended with -9"):
        launch.answers()
    assert "Error" in launch.answer(0)
    assert [step for step, _ in ranks(2, restore_sharded, place(tmp_path))] == [1, 1]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_one_error_and_leaves_the_last_commit(tmp_path: Path) -> None:
    """Guards file storage: ENOSPC names the place and the way out, and half a file does not stay to fill the disk."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], check=True)
    try:
        committed(place(tmp_path), 1)
        (tmp_path / "ballast").write_bytes(bytes(shutil.disk_usage(tmp_path).free - 16384))
        with pytest.raises(StorageError, match=r"step 2 was not saved: rank 0: file.*No space left on device\. Free"):
            committed(place(tmp_path), 2)
        assert restored(place(tmp_path))[0] == 1
        assert not list(tmp_path.rglob(".partial*"))
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("writes", range(6))
def test_a_disk_that_fills_at_any_file_costs_one_save(tmp_path: Path, writes: int, monkeypatch: Patch) -> None:
    """Guards every write, COMMIT's among them, without root: the last commit stands, and the next save goes through."""
    contents = committed(place(tmp_path), 1)
    sync, left = os.fsync, [writes]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"No space left on device\. Free space, or keep fewer checkpoints"):
            committed(place(tmp_path), 2)
    assert restored(place(tmp_path)) == (1, contents[1])
    assert not list(tmp_path.rglob(".partial*"))
    contents = committed(place(tmp_path), 2)
    assert restored(place(tmp_path)) == (2, contents[2])
