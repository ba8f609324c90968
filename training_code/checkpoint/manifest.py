"""The documents of a checkpoint: a sidecar of each rank, COMMIT over them all, and the mark of quarantine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from training_code.checkpoint.checksum import crc64nvme, encode
from training_code.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError

FORMAT = 1
COMMIT, QUARANTINE, METADATA, LATEST = "COMMIT.json", "QUARANTINE.json", ".metadata", "latest"
Kind = Literal["sharded", "shared", "per_rank"]


def sidecar_name(rank: int) -> str:
    """Name of the document that lists a rank's files."""
    return f"rank-{rank:05d}.sidecar.json"


def state_name(rank: int) -> str:
    """Name of the file with a rank's own state; rank 0's holds what all ranks share, too."""
    return f"rank-{rank:05d}.state"


@dataclass(frozen=True, kw_only=True)
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
    def of(cls, name: str, data: bytes) -> FileRecord:
        """Record of a document."""
        return cls(name=name, size=len(data), crc64nvme=encode(crc64nvme(data)))


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """The files that one rank wrote."""

    attempt: str
    step: int
    rank: int
    block_bytes: int
    files: tuple[FileRecord, ...]


@dataclass(frozen=True, kw_only=True)
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
    format: int = FORMAT


def manifest_digest(sidecars: Sequence[bytes], metadata: FileRecord) -> str:
    """Digest of everything a checkpoint holds."""
    digest = hashlib.sha256()
    for document in (*sidecars, _canonical(asdict(metadata))):
        digest.update(hashlib.sha256(document).digest())
    return digest.hexdigest()


def write(document: Sidecar | Commit) -> bytes:
    """A document as it is stored, with a checksum of itself."""
    content = asdict(document)
    return _canonical({**content, "self": encode(crc64nvme(_canonical(content)))})


def read_sidecar(data: bytes) -> Sidecar:
    """A sidecar as stored. Raises CorruptCheckpointError or IncompatibleCheckpointError."""
    content = _checked("sidecar", data, Sidecar)
    files = tuple(_record(record) for record in content.pop("files"))
    return Sidecar(**content, files=files)


def read_commit(data: bytes) -> Commit:
    """A COMMIT as stored. Raises CorruptCheckpointError or IncompatibleCheckpointError."""
    content = _checked(COMMIT, data, Commit)
    content["hosts"] = tuple(content["hosts"])
    content["metadata"] = _record(content["metadata"])
    content["sidecars"] = tuple(_record(record) for record in content["sidecars"])
    return Commit(**content)


def _record(content: dict[str, Any]) -> FileRecord:
    return FileRecord(**{**content, "blocks": tuple(content["blocks"])})


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _checked(name: str, data: bytes, cls: type[Sidecar | Commit]) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(data)
        claimed = content.pop("self")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptCheckpointError(f"{name} is damaged: it is no JSON object with a checksum of itself") from error
    # The bytes themselves, too: an edit that parses to the same values is still an edit.
    if claimed != encode(crc64nvme(_canonical(content))) or data != _canonical({**content, "self": claimed}):
        raise CorruptCheckpointError(f"{name} is damaged: its content does not match its own checksum")
    if set(content) != {field.name for field in fields(cls)} or content.get("format", FORMAT) != FORMAT:
        # Sound, so no quarantine: the version that wrote it can still read it.
        raise IncompatibleCheckpointError(f"{name} was written by another version of this code: resume with that one")
    return content
