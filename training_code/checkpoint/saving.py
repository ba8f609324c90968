"""One save, from a staged state to its COMMIT. Runs in the saving thread of every rank."""

from __future__ import annotations

import contextlib
import math
import socket
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_saver import save as save_shards

from ml_contract.checkpoint.catalog import attempt_prefix
from ml_contract.checkpoint.documents import (
    COMMIT,
    LATEST,
    METADATA,
    Commit,
    FileRecord,
    Kind,
    Sidecar,
    manifest_digest,
    sidecar_name,
    state_name,
    write,
)
from ml_contract.checkpoint.errors import CheckpointError, CommitConflictError, StorageError
from ml_contract.checkpoint.objects import Crc
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.options import RunIdentity
from training_code.checkpoint.staging import Staged
from training_code.checkpoint.storage import Storage
from training_code.checkpoint.writer import AttemptFiles, AttemptWriter

# A run of one process is no mistake, whatever torch.distributed.checkpoint thinks of it.
warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What one rank tells rank 0."""

    step: int
    kinds: Mapping[str, Kind]
    fingerprints: Mapping[str, str]
    host: str
    sidecar: bytes


@dataclass(frozen=True, kw_only=True)
class About:
    """What COMMIT says of the run and the step."""

    identity: RunIdentity
    figures: Mapping[str, float] = field(default_factory=dict)
    hyperparameters: Mapping[str, str] = field(default_factory=dict)


def finite(figures: Mapping[str, float] | None) -> dict[str, float]:
    """Those that JSON has a word for."""
    return {name: float(value) for name, value in (figures or {}).items() if math.isfinite(value)}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A commit."""

    attempt: str
    bytes: int
    """Written by this rank."""


def save(storage: Storage, about: About, staged: Staged, ranks: Ranks, *, block_bytes: int) -> Outcome:
    """Write and commit. Collective: every rank returns once the commit stands, or raises."""
    attempt = ranks.first(lambda: str(uuid.uuid4()))
    mine, metadata, size = write_shards(storage, attempt, staged, ranks, block_bytes=block_bytes)
    written = ranks.gathered(mine)
    ranks.first(lambda: _commit(storage, about, attempt, written, metadata))
    return Outcome(attempt=attempt, bytes=size)


def write_shards(
    storage: Storage, attempt: str, staged: Staged, ranks: Ranks, *, block_bytes: int
) -> tuple[Written, FileRecord | None, int]:
    """Write everything but COMMIT. Collective.

    Returns:
        What this rank tells of it, on rank 0 the record of the metadata, and the bytes that this rank wrote.
    """
    documents: list[bytes] = []

    def close(files: AttemptFiles) -> None:
        files.write(state_name(ranks.rank), staged.own)
        records = tuple(files.records.values())
        sidecar = Sidecar(
            attempt=attempt, step=staged.step, rank=ranks.rank, block_bytes=block_bytes, files=records
        )  # fmt: skip
        documents.append(write(sidecar, storage.crc))
        files.write(sidecar_name(ranks.rank), documents[0])

    writer = AttemptWriter(storage, attempt_prefix(staged.step, attempt), block_bytes=block_bytes, close=close)
    with explained(f"step {staged.step} was not saved"):
        save_shards(staged.sharded, storage_writer=writer, process_group=ranks.group)
    mine = Written(
        step=staged.step,
        kinds=staged.kinds,
        fingerprints=staged.fingerprints,
        host=socket.gethostname(),
        sidecar=documents[0],
    )
    records = writer.files.records
    return mine, records.get(METADATA), sum(record.size for record in records.values())


def _commit(storage: Storage, about: About, attempt: str, written: list[Written], metadata: FileRecord | None) -> None:
    """Rank 0, once everything is stored: make it a checkpoint."""
    step = written[0].step
    key = f"{attempt_prefix(step, attempt)}/{COMMIT}"
    if not storage.put_if_absent(key, commit_document(about, attempt, written, metadata, storage.crc)):
        raise CommitConflictError(
            f"{storage.place(key)}: another writer has committed this attempt. Two jobs share one checkpoint_uri?"
        )
    with contextlib.suppress(StorageError):
        # For people and tools. Nothing here reads it: after a crash between the two writes it lags behind.
        storage.put(LATEST, f"{attempt_prefix(step, attempt)}\n".encode())


def commit_document(
    about: About, attempt: str, written: Sequence[Written], metadata: FileRecord | None, crc: Crc
) -> bytes:
    """COMMIT over what the ranks wrote.

    Raises:
        CheckpointError: They did not save the same.
    """
    assert metadata is not None
    first = written[0]
    for rank, other in enumerate(written):
        _agree(first, other, rank)
    sidecars = tuple(FileRecord.of(sidecar_name(rank), other.sidecar, crc) for rank, other in enumerate(written))
    return write(
        Commit(
            run=about.identity.name,
            config_hash=about.identity.config_hash,
            base_hash=about.identity.base_hash,
            step=first.step,
            attempt=attempt,
            world_size=len(written),
            hosts=tuple(sorted({other.host for other in written})),
            state=first.kinds,
            torch_version=torch.__version__,
            committed_at=time.time(),
            metadata=replace(metadata, blocks=()),
            sidecars=sidecars,
            manifest_digest=manifest_digest([other.sidecar for other in written], replace(metadata, blocks=())),
            figures=about.figures,
            hyperparameters=about.hyperparameters,
        ),
        crc,
    )


def _agree(first: Written, other: Written, rank: int) -> None:
    if (other.step, other.kinds) != (first.step, first.kinds):
        raise CheckpointError(
            f"rank {rank} saves step {other.step} of {sorted(other.kinds)}, rank 0 step {first.step} of"
            f" {sorted(first.kinds)}: all ranks must save the same"
        )
    for name, value in other.fingerprints.items():
        if value != first.fingerprints[name]:
            raise CheckpointError(
                f"state[{name!r}]: got different values on ranks 0 and {rank}, but state without tensors is stored once"
                f" for all. Wrap it in PerRank."
            )


@contextlib.contextmanager
def explained(what: str, otherwise: type[CheckpointError] = CheckpointError) -> Iterator[None]:
    """Turn torch's error, a bundle of tracebacks of all ranks, into one line: ours again, or an ``otherwise``."""
    try:
        yield
    except CheckpointException as error:
        rank, (cause, _) = sorted(error.failures.items())[0]
        if isinstance(cause, CheckpointError):
            raise type(cause)(f"{what}: rank {rank}: {cause}") from error
        raise otherwise(f"{what}: rank {rank}: {type(cause).__name__}: {cause}") from error
