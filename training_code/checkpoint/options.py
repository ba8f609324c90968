"""What a checkpoint manager is told, and what it tells."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.sizing.interval import ASSUMED_BYTES_PER_SECOND
from ml_contract.training.surroundings import Checkpointing

MEBIBYTE = 2**20
EventKind = Literal["started", "staged", "committed", "failed", "restored", "quarantined", "retired", "warning"]
Tier = Literal["memory", "durable"]


@dataclass(frozen=True, kw_only=True)
class RunIdentity:
    """Which checkpoints a run may resume from: those with the same name and the same configuration."""

    name: str
    """The same for every restart of one training run, whatever its job is called; different for different runs."""
    config_hash: str
    """Digest of everything that must not change between restarts; see :meth:`of`."""
    base_hash: str = field(default="", compare=False)
    """Digest of what a run that begins from another's commit must share with it; empty where none can."""

    def __post_init__(self) -> None:
        for name in ("name", "config_hash"):
            if not getattr(self, name):
                reject(name, "", "it must not be empty", "Name the run, and hash its configuration.")

    @classmethod
    def of(cls, name: str, config: Mapping[str, object], *, base: Mapping[str, object] | None = None) -> RunIdentity:
        """Identity of a run with this configuration, and what others must share to begin from it: JSON values."""
        return cls(name=name, config_hash=_digest(config), base_hash="" if base is None else _digest(base))


def _digest(config: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something a manager did. The loop prints it as a metric line."""

    kind: EventKind
    step: int
    attempt: str = ""
    """Attempt's uuid, empty where it is not known yet."""
    seconds: float = 0.0
    """staged: how long save() held up training. committed: from the call of save() to COMMIT. restored: the load."""
    bytes: int = 0
    """Bytes this rank staged, wrote or read."""
    detail: str = ""
    """One line for a reader: a reason, or what was removed."""
    tier: Tier = "durable"
    """Where: at the durable place, or in the nodes' memory."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """The commit that a restore loaded."""

    step: int
    attempt: str
    uri: str
    """Where the attempt lies."""
    tier: Tier = "durable"
    """Where it was found: at the durable place, or in the nodes' memory."""
    begun: bool = False
    """Whether it is another run's, from which this one begins."""
    world_size: int
    """Ranks that wrote it, maybe other than those that read it."""
    seconds: float
    bytes: int
    """Bytes this rank read."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a save would take, by the rank that holds most."""

    bytes: int
    """Tensors of that rank."""
    seconds: float
    """Until it would have committed, were it asked for now, with a margin."""

    def __str__(self) -> str:
        return f"{self.bytes / MEBIBYTE:.1f} MiB a rank would take about {self.seconds:.1f} s"


@dataclass(frozen=True, kw_only=True)
class CheckpointOptions:
    """How checkpoints are written, kept and read."""

    policy: Checkpointing = field(default_factory=Checkpointing)
    """The run's own: which verified commits are kept, and ``mode``: async returns from save() once the state is copied
    to CPU memory, sync once the commit stands."""
    leftover_age_s: float = 24 * 3600.0
    """Attempts without COMMIT are removed when nothing in them changed for this long, seconds."""
    block_bytes: int = 4 * MEBIBYTE
    """Unit of verification: a reader fetches and checks whole blocks."""
    part_bytes: int = 16 * MEBIBYTE
    """Part of a multipart upload; S3 wants at least 5 MiB. It grows with the object."""
    concurrency: int = 4
    """Requests in flight a rank. Upload memory is (concurrency + 1) parts."""
    attempts: int = 6
    """Tries of one storage request before it is an error."""
    backoff_s: float = 0.25
    """First pause between tries, seconds; doubles each time up to 8 s, with jitter."""
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    """Longest silence of a connection, seconds."""
    collective_timeout_s: float = 1800.0
    """How long ranks wait for each other while saving, seconds."""
    assumed_bytes_per_second: float = ASSUMED_BYTES_PER_SECOND
    """Throughput of one rank that an estimate assumes until a save has been measured."""
    on_event: Callable[[Event], None] | None = None
    """Called with every event on every rank, from the saving thread too. None: nobody listens."""

    def __post_init__(self) -> None:
        at_least("leftover_age_s", self.leftover_age_s, 0)
        between("block_bytes", self.block_bytes, 1, 2**30)
        between("part_bytes", self.part_bytes, 5 * MEBIBYTE, 2**30)
        between("concurrency", self.concurrency, 1, 64)
        between("attempts", self.attempts, 1, 100)
        at_least("backoff_s", self.backoff_s, 0)
        for name in ("connect_timeout_s", "read_timeout_s", "collective_timeout_s", "assumed_bytes_per_second"):
            between(name, getattr(self, name), 0, 1e15, open_low=True)
