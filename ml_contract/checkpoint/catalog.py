"""What lies in a storage: attempts, which of them are committed, whether they are what they claim. Pure functions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from ml_contract.checkpoint.documents import (
    COMMIT,
    METADATA,
    QUARANTINE,
    Commit,
    FileRecord,
    Sidecar,
    manifest_digest,
    read_commit,
    read_sidecar,
)
from ml_contract.checkpoint.errors import CorruptCheckpointError, ObjectMissingError
from ml_contract.checkpoint.objects import Entry, Objects, encode
from ml_contract.values import value_object

STEP_DIGITS = 8
_KEY = re.compile(r"step-(\d{8,})/([0-9a-f-]{36})/([^/]+)")


def attempt_prefix(step: int, attempt: str) -> str:
    """Folder of an attempt, which is never used twice."""
    return f"step-{step:0{STEP_DIGITS}d}/{attempt}"


@value_object
class Attempt:
    """One attempt to save one step."""

    step: int
    uuid: str
    entries: Mapping[str, Entry]
    """By name within the attempt."""

    @property
    def prefix(self) -> str:
        return attempt_prefix(self.step, self.uuid)

    @property
    def committed(self) -> bool:
        return COMMIT in self.entries

    @property
    def quarantined(self) -> bool:
        return QUARANTINE in self.entries

    @property
    def modified(self) -> float:
        """Last change of anything in it, seconds since the epoch."""
        return max(entry.modified for entry in self.entries.values())

    @property
    def order(self) -> tuple[int, float, str]:
        """Newest last; two commits of one step are told apart by the time of their COMMIT."""
        return self.step, self.entries[COMMIT].modified if self.committed else 0.0, self.uuid


@value_object
class Snapshot:
    """A commit with its sidecars, read and found consistent."""

    attempt: Attempt
    commit: Commit
    sidecars: tuple[Sidecar, ...]
    """By rank."""

    @property
    def files(self) -> dict[str, FileRecord]:
        """Every file with content, by name."""
        listed = (record for sidecar in self.sidecars for record in sidecar.files)
        return {record.name: record for record in (*listed, self.commit.metadata)}

    @property
    def block_bytes(self) -> int:
        return self.sidecars[0].block_bytes


def attempts(storage: Objects) -> list[Attempt]:
    """All attempts, newest first."""
    found: dict[tuple[int, str], dict[str, Entry]] = defaultdict(dict)
    for entry in storage.list("step-"):
        if match := _KEY.fullmatch(entry.key):
            found[int(match[1]), match[2]][match[3]] = entry
    listed = [Attempt(step=step, uuid=uuid, entries=entries) for (step, uuid), entries in found.items()]
    return sorted(listed, key=lambda attempt: attempt.order, reverse=True)


def inspect(storage: Objects, attempt: Attempt) -> Snapshot:
    """Read a commit and its sidecars, and check everything that needs no content of shards.

    Raises:
        CorruptCheckpointError: A document is damaged, or a file is missing or has another size.
        IncompatibleCheckpointError: Written by another version of this code.
    """
    snapshot = manifest(storage, attempt)
    for record in snapshot.files.values():
        size = attempt.entries[record.name].size if record.name in attempt.entries else None
        if size != record.size:
            found = "is missing" if size is None else f"has {size} bytes"
            raise CorruptCheckpointError(f"{record.name} {found}, the manifest says {record.size} bytes")
    return snapshot


def manifest(storage: Objects, attempt: Attempt) -> Snapshot:
    """Read a commit and its sidecars, and check the documents alone; the files may lie elsewhere.

    Raises:
        CorruptCheckpointError: A document is damaged or missing.
        IncompatibleCheckpointError: Written by another version of this code.
    """
    commit = commit_of(storage, attempt)
    with ThreadPoolExecutor(min(16, len(commit.sidecars))) as threads:
        documents = list(threads.map(lambda record: document(storage, attempt, record), commit.sidecars))
    sidecars = tuple(read_sidecar(data, storage.crc) for data in documents)
    if manifest_digest(documents, commit.metadata) != commit.manifest_digest:
        raise CorruptCheckpointError(f"{COMMIT} names manifest {commit.manifest_digest}, the sidecars make another")
    if [(sidecar.attempt, sidecar.rank) for sidecar in sidecars] != [
        (attempt.uuid, rank) for rank in range(commit.world_size)
    ]:
        raise CorruptCheckpointError("sidecars are not those of this attempt's ranks")
    return Snapshot(attempt=attempt, commit=commit, sidecars=sidecars)


def commit_of(storage: Objects, attempt: Attempt) -> Commit:
    """What a COMMIT says. Raises CorruptCheckpointError or IncompatibleCheckpointError."""
    try:
        commit = read_commit(storage.read(f"{attempt.prefix}/{COMMIT}"), storage.crc)
    except ObjectMissingError as error:
        raise CorruptCheckpointError(f"{COMMIT} went away") from error
    if (commit.step, commit.attempt) != (attempt.step, attempt.uuid):
        raise CorruptCheckpointError(f"{COMMIT} speaks of step {commit.step}, attempt {commit.attempt}")
    if len(commit.sidecars) != commit.world_size or commit.metadata.name != METADATA:
        raise CorruptCheckpointError(f"{COMMIT} lists {len(commit.sidecars)} sidecars for {commit.world_size} ranks")
    return commit


def document(storage: Objects, attempt: Attempt, record: FileRecord) -> bytes:
    """A small file, read whole and checked. Raises CorruptCheckpointError."""
    try:
        data = storage.read(f"{attempt.prefix}/{record.name}")
    except ObjectMissingError as error:
        raise CorruptCheckpointError(f"{record.name} is missing") from error
    if encode(storage.crc(data)) != record.crc64nvme or len(data) != record.size:
        raise CorruptCheckpointError(f"{record.name} is damaged: its content does not have checksum {record.crc64nvme}")
    return data


def damage(storage: Objects, prefix: str, records: Iterable[FileRecord]) -> list[str]:
    """What is wrong with the content of files, one line each: by the storage's own checksum, else by reading."""
    found = []
    for record in records:
        key = f"{prefix}/{record.name}"
        try:
            stored = storage.stored_crc(key)
            if stored is None:
                stored = 0
                for piece in storage.stream(key, 0, record.size + 1):
                    stored = storage.crc(piece, stored)
            if encode(stored) != record.crc64nvme:
                found.append(f"{record.name} has checksum {encode(stored)}, the manifest says {record.crc64nvme}")
        except ObjectMissingError:
            found.append(f"{record.name} is missing")
    return found


def remove(storage: Objects, attempt: Attempt) -> None:
    """Delete an attempt, its COMMIT first and alone: whatever happens next, nobody takes the rest for a checkpoint."""
    if attempt.committed:
        storage.delete(f"{attempt.prefix}/{COMMIT}")
    rest = [f"{attempt.prefix}/{name}" for name in attempt.entries if name != COMMIT]
    with ThreadPoolExecutor(8, "checkpoint-remove") as threads:
        list(threads.map(storage.delete, rest))
