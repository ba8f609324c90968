"""One scenario for each fault, and beside each the proof that it fails once its protection is taken away.

A scenario asserts that nothing wrong is ever loaded and that nothing good is lost. ``removal`` takes exactly the
protection away that the scenario is there for; the scenario must then fail.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from checkpoint_harness import Ranks, TinyRun, committed, manager, ranks, restored
from checkpoint_targets import (
    commit_sharded,
    killed_at_byte,
    restore_sharded,
    save_with_one_bad_rank,
    untouched_by_refusal,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint import catalog, documents
from ml_contract.checkpoint.errors import ObjectMissingError
from training_code.checkpoint import (
    CorruptCheckpointError,
    Event,
    IncompatibleCheckpointError,
    StorageError,
    pieces,
    saving,
)
from training_code.checkpoint import reader as reading
from training_code.checkpoint.file_storage import FileStorage

Patch = pytest.MonkeyPatch


def place(folder: Path) -> str:
    return f"file://{folder}"


def newest(folder: Path) -> Path:
    """Folder of the newest commit."""
    listed = catalog.attempts(FileStorage(str(folder)))
    return folder / next(attempt for attempt in listed if attempt.committed).prefix


def flip(path: Path, position: float, bit: int) -> None:
    """Turn one bit over, at a fraction of the file."""
    data = bytearray(path.read_bytes())
    data[int(position * len(data))] ^= 1 << bit
    path.write_bytes(data)


def spoil_weight(victim: Path) -> None:
    """Turn over one bit of the last layer's last weight, where nothing of torch's own would notice."""
    run = TinyRun()
    shards = {"model": run.model.state_dict()}
    load(shards, storage_reader=FileSystemReader(victim), no_dist=True)
    shard = victim / "__0_0.distcp"
    data = bytearray(shard.read_bytes())
    weight = shards["model"]["3.weight"].flatten()[-4:].numpy().tobytes()
    assert data.count(weight) == 1
    data[data.index(weight) + 13] ^= 8
    shard.write_bytes(data)


def falls_back(folder: Path, damage: Callable[[Path], None]) -> None:
    """With the newest of two commits damaged, the older one is loaded, and the newer one is kept and marked."""
    contents = committed(place(folder), 1, 2)
    victim = newest(folder)
    damage(victim)
    before = {path.name for path in victim.iterdir()}
    events: list[Event] = []
    assert restored(place(folder), events) == (1, contents[1])
    assert [event.step for event in events if event.kind == "quarantined"] == [2]
    assert {path.name for path in victim.iterdir()} == before | {"QUARANTINE.json"}


def flipped_shard(folder: Path) -> None:
    """Guards the block checksums: torch.distributed.checkpoint itself loads a flipped bit in silence."""
    falls_back(folder, spoil_weight)


def flipped_metadata(folder: Path) -> None:
    """Guards COMMIT's record of .metadata, which says where every tensor lies, and is a pickle."""
    falls_back(folder, lambda victim: flip(victim / ".metadata", 0.9, 0))


def flipped_state(folder: Path) -> None:
    """Guards the checksum of what is not sharded: generators, schedule, position."""
    run = TinyRun()
    loss = struct.pack(">d", [run.step(), run.step()][1])

    def spoil_loss(victim: Path) -> None:
        path = victim / "rank-00000.state"
        data = path.read_bytes()
        assert data.count(loss) == 1
        path.write_bytes(data.replace(loss, struct.pack(">d", 0.5)))

    falls_back(folder, spoil_loss)


def exchanged_sidecar(folder: Path) -> None:
    """Guards COMMIT's record of each sidecar: one from another attempt is sound in itself and still wrong."""

    def exchange(victim: Path) -> None:
        other = next(path for path in folder.glob("step-00000001/*"))
        for name in ("rank-00000.sidecar.json", "__0_0.distcp", "rank-00000.state"):
            (victim / name).write_bytes((other / name).read_bytes())

    falls_back(folder, exchange)


def flipped_commit(folder: Path) -> None:
    """Guards COMMIT's checksum of itself: a wrong configuration in it must not pass for another run's."""

    def edit(victim: Path) -> None:
        path = victim / "COMMIT.json"
        path.write_bytes(path.read_bytes().replace(b'"config_hash":"', b'"config_hash":"0', 1))

    falls_back(folder, edit)


def truncated_shard(folder: Path) -> None:
    """Guards sizes: what is cut off at a block's end has only good blocks."""
    falls_back(folder, lambda victim: os.truncate(victim / "__0_0.distcp", 1024))


def missing_shard(folder: Path) -> None:
    """Guards the listing against the manifest."""
    falls_back(folder, lambda victim: (victim / "__0_0.distcp").unlink())


def missing_sidecar(folder: Path) -> None:
    """Guards that absence counts as damage of the checkpoint, not as trouble with the storage."""
    falls_back(folder, lambda victim: (victim / "rank-00000.sidecar.json").unlink())


def remembered_quarantine(folder: Path) -> None:
    """Guards the mark: the next restart does not read and condemn the same commit again."""
    flipped_shard(folder)
    events: list[Event] = []
    assert restored(place(folder), events)[0] == 1
    assert not [event for event in events if event.kind == "quarantined"]


def untouched_by_damage(folder: Path) -> None:
    """Guards 'verify all, then accept': with no sound commit the model is as it was, not half loaded."""
    committed(place(folder), 1)
    spoil_weight(newest(folder))
    run = TinyRun()
    before = run.content()
    with manager(place(folder)) as checkpoints:
        with pytest.raises(CorruptCheckpointError, match="none of 1 commits can be resumed from"):
            checkpoints.restore(run.state)
        assert run.content() == before


def silent_storage(folder: Path) -> None:
    """Guards good checkpoints from a bad hour of the storage: that is an error, never a quarantine."""
    committed(place(folder), 1, 2)
    with Patch.context() as patch:
        patch.setattr(FileStorage, "stream", refuse)
        patch.setattr(FileStorage, "read", refuse)
        with pytest.raises(StorageError, match="503"):
            restored(place(folder))
    assert restored(place(folder))[0] == 2


def refuse(*_: object) -> Any:
    raise StorageError("s3://bucket/key: GetObject failed 6 times: ServiceUnavailable (503)")


def half_an_attempt(folder: Path) -> None:
    """Guards COMMIT as the only truth: a save that died after .metadata is not even looked at."""
    committed(place(folder), 1)
    with Patch.context() as patch:
        patch.setattr(saving, "_commit", dies)
        with pytest.raises(Died):
            committed(place(folder), 2)
    assert (next(iter(folder.glob("step-00000002/*"))) / ".metadata").exists()
    events: list[Event] = []
    assert restored(place(folder), events)[0] == 1
    assert [event.kind for event in events] == ["restored"]


class Died(RuntimeError):
    """Stands for the end of the process."""


def dies(*_: object) -> Any:
    raise Died


def saved_again(folder: Path) -> None:
    """Guards folders that are never used twice: a second save of a step that dies leaves the first one whole."""
    contents = committed(place(folder), 1)
    run = TinyRun()
    run.step()
    run.step()
    with Patch.context() as patch:
        patch.setattr(saving, "_commit", dies)
        with pytest.raises(Died), manager(place(folder)) as checkpoints:
            checkpoints.save(1, run.state)
    assert restored(place(folder)) == (1, contents[1])


def two_committers(folder: Path) -> None:
    """Guards the conditional write: of two writers of one COMMIT exactly one succeeds, and its words stand."""
    start, won = threading.Barrier(8), []

    def commit(number: int) -> None:
        start.wait()
        if FileStorage(str(folder)).put_if_absent("step-00000001/COMMIT.json", f"{number}".encode() * 5000):
            won.append(number)

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert (folder / "step-00000001/COMMIT.json").read_text() == f"{won[0]}" * 5000


def unverified_document(storage: Any, attempt: catalog.Attempt, record: documents.FileRecord) -> bytes:
    return bytes(storage.read(f"{attempt.prefix}/{record.name}"))


def accept_first(self: reading.VerifiedReader, plan: Any, planner: Any) -> Any:
    """Hands everything on, and verifies afterwards."""
    agree, self._agree = self._agree, lambda _: None
    with Patch.context() as patch:
        patch.setattr(pieces.Check, "finding", None)
        answer = READ_DATA(self, plan, planner)
    records = [record for record in self._snapshot.files.values() if record.blocks]
    found = self._fetch([pieces.Piece.whole(record) for record in records])
    agree([content for content in found if isinstance(content, str)])
    return answer


READ_DATA = reading.VerifiedReader.read_data


def unchecked(name: str, data: bytes, cls: type, crc: object) -> dict[str, Any]:
    content = json.loads(data)
    del content["self"]
    return content


def without_document_checks(patch: Patch) -> None:
    patch.setattr(catalog, "document", unverified_document)
    patch.setattr(pieces.Check, "finding", None)


def without_manifest(patch: Patch) -> None:
    without_document_checks(patch)
    patch.setattr(catalog, "manifest_digest", lambda _, metadata: Anything())
    patch.setattr(
        catalog, "read_sidecar", lambda data, crc: replace(documents.read_sidecar(data, crc), attempt=Anything())
    )


class Anything:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def without_sizes(patch: Patch) -> None:
    class Entries(dict[str, Any]):
        """Claims that every file is there, with the size that is asked for."""

        def __contains__(self, name: object) -> bool:
            return True

        def __getitem__(self, name: str) -> Any:
            entry = dict.get(self, name)
            return entry if name.endswith(".json") else type("Entry", (), {"size": Anything(), "modified": 0.0})

    listed = catalog.attempts

    def generous(storage: Any) -> list[catalog.Attempt]:
        found = listed(storage)
        for attempt in found:
            real = attempt.entries
            object.__setattr__(attempt, "entries", Entries(real))
            patch.setattr(
                catalog.Attempt, "committed", property(lambda self: dict.__contains__(self.entries, "COMMIT.json"))
            )
            patch.setattr(
                catalog.Attempt,
                "quarantined",
                property(lambda self: dict.__contains__(self.entries, "QUARANTINE.json")),
            )
        return found

    patch.setattr("training_code.checkpoint.sources.attempts", generous)
    patch.setattr(pieces.Check, "finding", None)
    patch.setattr(pieces, "ObjectMissingError", Died)


@dataclass(frozen=True)
class Fault:
    """A scenario, what it must not survive, and how it then ends."""

    scenario: Callable[[Path], None]
    removal: Callable[[Patch], None]
    end: type[Exception] = AssertionError


def put(owner: object, name: str, value: object) -> Callable[[Patch], None]:
    """A removal that replaces one thing."""
    return lambda patch: patch.setattr(owner, name, value)


FAULTS = [
    Fault(flipped_shard, put(pieces.Check, "finding", None)),
    Fault(flipped_metadata, without_document_checks, IncompatibleCheckpointError),
    Fault(flipped_state, without_document_checks),
    Fault(exchanged_sidecar, without_manifest),
    Fault(flipped_commit, put(documents, "_checked", unchecked)),
    Fault(truncated_shard, without_sizes, IncompatibleCheckpointError),
    Fault(missing_shard, without_sizes, ObjectMissingError),
    Fault(missing_sidecar, put(catalog, "ObjectMissingError", Died), ObjectMissingError),
    Fault(remembered_quarantine, put(catalog.Attempt, "quarantined", property(lambda _: False))),
    Fault(untouched_by_damage, put(reading.VerifiedReader, "read_data", accept_first)),
    Fault(silent_storage, put(catalog, "ObjectMissingError", StorageError), CorruptCheckpointError),
    Fault(half_an_attempt, put(catalog, "COMMIT", ".metadata"), CorruptCheckpointError),
    Fault(saved_again, put(saving.uuid, "uuid4", lambda: UUID(int=0)), CorruptCheckpointError),
    Fault(two_committers, put(FileStorage, "put_if_absent", lambda *args: (FileStorage.put(*args), True)[1])),
]
names = pytest.mark.parametrize("fault", FAULTS, ids=[fault.scenario.__name__ for fault in FAULTS])


@names
def test_the_fault_does_no_harm(fault: Fault, tmp_path: Path) -> None:
    fault.scenario(tmp_path)


@names
def test_the_scenario_needs_its_protection(fault: Fault, tmp_path: Path, monkeypatch: Patch) -> None:
    fault.removal(monkeypatch)
    with pytest.raises(Exception) as failure:
        fault.scenario(tmp_path)
    assert failure.type is fault.end, failure.value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.integers(0, 4), position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@pytest.mark.slow
def test_one_bit_anywhere_is_found(two_commits: tuple[Path, Any], name: int, position: float, bit: int) -> None:
    """Guards every byte of a checkpoint: shard, metadata, state, sidecar, COMMIT."""
    folder, contents = two_commits
    victim = newest(folder)
    files = sorted(path for path in victim.iterdir() if path.name != "QUARANTINE.json")
    assert len(files) == 5
    whole = files[name].read_bytes()
    try:
        flip(files[name], position, bit)
        assert restored(place(folder)) == (1, contents[1])
        assert (victim / "QUARANTINE.json").exists()
    finally:
        files[name].write_bytes(whole)
        (victim / "QUARANTINE.json").unlink(missing_ok=True)
    assert restored(place(folder)) == (2, contents[2])


@pytest.fixture(scope="module")
def two_commits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("two")
    return folder, committed(place(folder), 1, 2)


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
        launch.answers(timeout=15)
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
