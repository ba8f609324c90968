"""Checkpoints as a run leaves them, without a training: a millisecond each."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

from ml_contract.checkpoint.catalog import attempt_prefix
from ml_contract.checkpoint.documents import Commit, FileRecord, Sidecar, manifest_digest, write
from trainyard.operations.objects import FolderObjects

crc = FolderObjects.crc


def save(folder: Path, step: int, *, loss: float | None = None, run: str = "run", commit: bool = True) -> Path:
    """Write an attempt of one rank; its folder."""
    name = str(uuid.uuid4())
    place = folder / attempt_prefix(step, name)
    place.mkdir(parents=True)
    shard, metadata = os.urandom(64), b"where everything lies"
    sidecar = write(
        Sidecar(
            attempt=name, step=step, rank=0, block_bytes=64, files=(FileRecord.of("__0_0.distcp", shard, crc),)
        ),
        crc,
    )  # fmt: skip
    for file, content in {"__0_0.distcp": shard, ".metadata": metadata, "rank-00000.sidecar.json": sidecar}.items():
        (place / file).write_bytes(content)
    if commit:
        record = FileRecord.of(".metadata", metadata, crc)
        document = Commit(
            run=run, config_hash="1", step=step, attempt=name, world_size=1, hosts=("host",), state={},
            torch_version="2", committed_at=1.7e9 + step, metadata=record,
            sidecars=(FileRecord.of("rank-00000.sidecar.json", sidecar, crc),),
            manifest_digest=manifest_digest([sidecar], record), figures={} if loss is None else {"loss": loss},
        )  # fmt: skip
        (place / "COMMIT.json").write_bytes(write(document, crc))
    return place


def damage(place: Path) -> None:
    """Turn one bit of the shard over."""
    shard = place / "__0_0.distcp"
    data = bytearray(shard.read_bytes())
    data[7] ^= 1
    shard.write_bytes(data)


def age(place: Path, hours: float) -> None:
    """Make all files that old."""
    for path in place.iterdir():
        os.utime(path, (time.time() - 3600 * hours,) * 2)
