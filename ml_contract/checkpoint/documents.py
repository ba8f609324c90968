"""The documents of a checkpoint: a sidecar of each rank, COMMIT over them all, and the mark of quarantine."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from typing import Any, Literal

from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError
from ml_contract.checkpoint.objects import Crc, encode
from ml_contract.values import value_object

FORMAT = 1
COMMIT, QUARANTINE, METADATA, LATEST = "COMMIT.json", "QUARANTINE.json", ".metadata", "latest"
Kind = Literal["sharded", "shared", "per_rank"]


def sidecar_name(rank: int) -> str:
    """Name of the document that lists a rank's files."""
    return f"rank-{rank:05d}.sidecar.json"


def state_name(rank: int) -> str:
    """Name of the file with a rank's own state; rank 0's holds what all ranks share, too."""
    return f"rank-{rank:05d}.state"


@value_object
class FileRecord:
    """One file of a checkpoint."""

    name: str
    """Within the attempt."""
    size: int
    """Bytes."""
    crc64nvme: str
    """Of the whole content, 16 hexadecimal digits."""
    blocks: tuple[str, ...] = ()
    """Of each block of the content; empty for documents, which are read whole."""

    @classmethod
    def of(cls, name: str, data: bytes, crc: Crc) -> FileRecord:
        """Record of a document."""
        return cls(name=name, size=len(data), crc64nvme=encode(crc(data)))


@value_object
class Sidecar:
    """The files that one rank wrote."""

    attempt: str
    step: int
    rank: int
    block_bytes: int
    files: tuple[FileRecord, ...]


@value_object
class Commit:
    """The document whose presence makes an attempt a checkpoint."""

    run: str
    config_hash: str
    step: int
    attempt: str
    world_size: int
    hosts: tuple[str, ...]
    state: Mapping[str, Kind]
    """Names of the state and how each is stored."""
    torch_version: str
    committed_at: float
    """Seconds since the epoch."""
    metadata: FileRecord
    sidecars: tuple[FileRecord, ...]
    """By rank."""
    manifest_digest: str
    """SHA-256 over the sidecars by rank and the record of the metadata: one value names the whole content."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Of the step, by name, ``loss`` among them; only finite ones. Commits of older versions have none."""
    base_hash: str = ""
    """Digest of what a run that begins from here must share with it. Older commits have none."""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    """The run's, as they crossed into the container: what an export builds the model by. Older commits have none."""
    format: int = FORMAT


def manifest_digest(sidecars: Sequence[bytes], metadata: FileRecord) -> str:
    """Digest of everything a checkpoint holds."""
    digest = hashlib.sha256()
    for document in (*sidecars, _canonical(asdict(metadata))):
        digest.update(hashlib.sha256(document).digest())
    return digest.hexdigest()


def write(document: Sidecar | Commit, crc: Crc) -> bytes:
    """A document as it is stored, with a checksum of itself."""
    content = asdict(document)
    return _canonical({**content, "self": encode(crc(_canonical(content)))})


def read_sidecar(data: bytes, crc: Crc) -> Sidecar:
    """A sidecar as stored. Raises CorruptCheckpointError or IncompatibleCheckpointError."""
    content = _checked("sidecar", data, Sidecar, crc)
    files = tuple(_record(record) for record in content.pop("files"))
    return Sidecar(**content, files=files)


def read_commit(data: bytes, crc: Crc) -> Commit:
    """A COMMIT as stored. Raises CorruptCheckpointError or IncompatibleCheckpointError."""
    content = _checked(COMMIT, data, Commit, crc)
    content["hosts"] = tuple(content["hosts"])
    content["metadata"] = _record(content["metadata"])
    content["sidecars"] = tuple(_record(record) for record in content["sidecars"])
    return Commit(**content)


def _record(content: dict[str, Any]) -> FileRecord:
    return FileRecord(**{**content, "blocks": tuple(content["blocks"])})


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _checked(name: str, data: bytes, cls: type[Sidecar | Commit], crc: Crc) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(data)
        claimed = content.pop("self")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpointError(f"{name} is damaged: it is no JSON object with a checksum of itself") from error
    # The bytes themselves, too: an edit that parses to the same values is still an edit.
    if claimed != encode(crc(_canonical(content))) or data != _canonical({**content, "self": claimed}):
        raise CorruptCheckpointError(f"{name} is damaged: its content does not match its own checksum")
    known = {found.name: found for found in dataclasses.fields(cls)}
    # Fields that came later have defaults, so that older documents can be read.
    missing = dataclasses.MISSING
    required = {name for name, found in known.items() if found.default is missing and found.default_factory is missing}
    if not required <= set(content) <= set(known) or content.get("format", FORMAT) != FORMAT:
        # Sound, so no quarantine: the version that wrote it can still read it.
        raise IncompatibleCheckpointError(f"{name} was written by another version of this code: resume with that one")
    return content
