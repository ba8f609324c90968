"""What goes and what stays, over random histories of commits, failures and damage."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.checkpoint import catalog, documents
from ml_contract.checkpoint.documents import FileRecord
from ml_contract.training.surroundings import Checkpointing
from training_code.checkpoint import RunIdentity, StorageError, retention
from training_code.checkpoint.checksum import crc64nvme
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.file_storage import FileStorage

OURS, THEIRS = RunIdentity(name="ours", config_hash="1"), RunIdentity(name="theirs", config_hash="1")
HOUR = 3600.0


def attempt(folder: Path, step: int, *, commit: bool = True, run: RunIdentity = OURS) -> Path:
    """An attempt as a save leaves it, without torch: a millisecond each."""
    name = str(uuid.uuid4())
    place = folder / catalog.attempt_prefix(step, name)
    place.mkdir(parents=True)
    shard, metadata = os.urandom(64), FileRecord.of(".metadata", b"where everything lies", crc64nvme)
    files = (FileRecord.of("__0_0.distcp", shard, crc64nvme),)
    sidecar = documents.write(
        documents.Sidecar(attempt=name, step=step, rank=0, block_bytes=64, files=files), crc64nvme
    )
    (place / "__0_0.distcp").write_bytes(shard)
    (place / ".metadata").write_bytes(b"where everything lies")
    (place / "rank-00000.sidecar.json").write_bytes(sidecar)
    if commit:
        document = documents.Commit(
            run=run.name, config_hash=run.config_hash, step=step, attempt=name, world_size=1, hosts=("host",),
            state={}, torch_version="2", committed_at=0.0, metadata=metadata,
            sidecars=(FileRecord.of("rank-00000.sidecar.json", sidecar, crc64nvme),),
            manifest_digest=documents.manifest_digest([sidecar], metadata),
        )  # fmt: skip
        (place / "COMMIT.json").write_bytes(documents.write(document, crc64nvme))
    return place


@dataclass
class History:
    """What was done to a folder, and what must therefore be true."""

    folder: Path
    keep: int
    step: int = 0
    sound: list[Path] = field(default_factory=list)
    """Our commits that nothing was done to, oldest first, those that were removed included."""
    damaged: list[Path] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)
    fresh: list[Path] = field(default_factory=list)
    old: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.retention = self.new_process()

    def new_process(self) -> retention.Retention:
        return retention.Retention(
            FileStorage(str(self.folder)),
            OURS,
            policy=Checkpointing(keep_last=self.keep),
            leftover_age_s=HOUR,
            report=lambda *_: None,
        )

    @property
    def alive(self) -> list[Path]:
        return [place for place in self.sound if (place / "COMMIT.json").exists()]

    def do(self, event: str, which: int) -> None:
        self.step += 1
        match event:
            case "commit":
                self.sound.append(attempt(self.folder, self.step))
            case "fail":
                self.fresh.append(attempt(self.folder, self.step, commit=False))
            case "old failure":
                self.old.append(attempt(self.folder, self.step, commit=False))
                for path in self.old[-1].iterdir():
                    os.utime(path, (time.time() - 2 * HOUR,) * 2)
            case "foreign":
                self.foreign.append(attempt(self.folder, self.step, run=THEIRS))
            case "restart":
                self.retention = self.new_process()
            case _ if self.alive:
                victim = self.alive[which % len(self.alive)]
                self.sound.remove(victim)
                self.damaged.append(victim)
                self._damage(victim, event)

    @staticmethod
    def _damage(victim: Path, event: str) -> None:
        shard = victim / "__0_0.distcp"
        match event:
            case "flip":
                data = bytearray(shard.read_bytes())
                data[7] ^= 1
                shard.write_bytes(data)
            case "lose":
                shard.unlink()
            case "truncate":
                os.truncate(shard, 63)
            case "spoil":
                (victim / "COMMIT.json").write_bytes(b"{}")


EVENTS = [
    "commit",
    "commit",
    "commit",
    "fail",
    "old failure",
    "foreign",
    "restart",
    "flip",
    "lose",
    "truncate",
    "spoil",
]


@settings(max_examples=60, deadline=None)
@given(
    keep=st.integers(2, 3),
    events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 5)), min_size=1, max_size=14),
)
@pytest.mark.slow
def test_two_sound_commits_always_stay(keep: int, events: list[tuple[str, int]]) -> None:
    """Guards every rule of retention at once, after each event of a random history."""
    with tempfile.TemporaryDirectory() as name:
        history = History(Path(name), keep)
        for event in events:
            history.do(*event)
            before = history.alive
            history.retention.run(Ranks(None, 1))
            after = history.alive
            # Of the sound ones the newest stay, as many as are to be kept, and where there were two there are two.
            assert after[-keep:] == before[-keep:]
            assert len(after) >= min(2, len(before))
            # What damage was found is marked, and neither it nor what is not ours is removed.
            assert all((place / ".metadata").exists() for place in (*history.foreign, *history.fresh))
            assert not any(place.exists() for place in history.old)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(3, 8), keep=st.integers(2, 3))
def test_the_older_ones_go(count: int, keep: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        history = History(Path(name), keep)
        for _ in range(count):
            history.do("commit", 0)
        history.retention.run(Ranks(None, 1))
        assert history.alive == history.sound[-keep:]
        assert len(list(Path(name).glob("step-*"))) == min(count, keep)


def test_damage_is_found_before_a_good_one_goes(tmp_path: Path) -> None:
    """Guards 'verified' in 'keeps verified ones': counting COMMITs alone would remove the last good checkpoint.

    The proof that it needs the verification stands in the second half.
    """
    history = History(tmp_path, keep=2)
    for _ in range(3):
        history.do("commit", 0)
    history.do("flip", 1)
    history.do("flip", 1)
    history.retention.run(Ranks(None, 1))
    assert len(history.alive) == 1
    assert all((place / "QUARANTINE.json").exists() for place in history.damaged)
    for place in history.damaged:
        (place / "QUARANTINE.json").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "damage", lambda *_: [])
        history.new_process().run(Ranks(None, 1))
    assert history.alive == []


@pytest.mark.parametrize("deletions", range(5))
def test_a_removal_that_dies_leaves_no_half_commit(
    tmp_path: Path, deletions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the order of removal, COMMIT first: however far it came, what has a COMMIT is whole."""
    history = History(tmp_path, keep=2)
    for _ in range(3):
        history.do("commit", 0)
    delete, left = FileStorage.delete, [deletions]

    def mortal(self: FileStorage, key: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise StorageError("died")
        delete(self, key)

    with monkeypatch.context() as patch:
        patch.setattr(FileStorage, "delete", mortal)
        with contextlib.suppress(StorageError):
            history.retention.run(Ranks(None, 1))
    storage = FileStorage(str(tmp_path))
    for found in catalog.attempts(storage):
        if found.committed:
            catalog.inspect(storage, found)
    # What is left over goes once it is old.
    for path in tmp_path.rglob("*"):
        os.utime(path, (time.time() - 2 * HOUR,) * 2)
    history.new_process().run(Ranks(None, 1))
    assert len(list(tmp_path.glob("step-*/*"))) == 2


def test_in_a_hurry_nothing_is_read(tmp_path: Path) -> None:
    """Guards the last seconds before SIGKILL."""
    history = History(tmp_path, keep=2)
    for _ in range(3):
        history.do("commit", 0)
    nobody: Any = lambda *_: None  # noqa: E731
    hurried = retention.Retention(
        FileStorage(str(tmp_path)),
        OURS,
        policy=Checkpointing(),
        leftover_age_s=HOUR,
        report=nobody,
        interrupted=lambda: True,
    )
    with pytest.raises(retention.Interrupted):
        hurried.run(Ranks(None, 1))
    assert len(history.alive) == 3
