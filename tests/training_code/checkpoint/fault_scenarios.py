"""What happens to checkpoints: a scenario asserts that nothing wrong is loaded and that nothing good is lost."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoint_harness import TinyRun, committed, manager, restored
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint import catalog
from training_code.checkpoint import (
    CorruptCheckpointError,
    Event,
    StorageError,
    saving,
)
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
