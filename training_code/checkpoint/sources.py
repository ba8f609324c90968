"""Where a restore finds commits: the durable place, which every rank sees, and what other tiers there are."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from ml_contract.checkpoint.catalog import Attempt, Snapshot, attempts, inspect
from ml_contract.checkpoint.errors import StorageError
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.options import CheckpointOptions, Tier
from training_code.checkpoint.pieces import Content, Piece, read
from training_code.checkpoint.quarantine import quarantine
from training_code.checkpoint.storage import Storage


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A commit, as far as a listing tells."""

    attempt: Attempt
    quarantined: bool
    source: Source = field(compare=False)

    @property
    def order(self) -> tuple[int, bool, tuple[int, float, str]]:
        """Newest last. Of one step the tier that is nearer comes later."""
        return self.attempt.step, self.source.tier != "durable", self.attempt.order


class Source(abc.ABC):
    """Commits at one place. Every method is collective, and answers or raises the same on every rank, but for what a
    rank alone reads."""

    tier: ClassVar[Tier]
    uri: str

    @abc.abstractmethod
    def listed(self) -> list[Candidate]:
        """All commits, in any order. Raises StorageError."""

    @abc.abstractmethod
    def opened(self, candidate: Candidate) -> Snapshot:
        """A commit's documents, checked.

        Raises:
            CorruptCheckpointError: A document is damaged, or a file is missing.
            IncompatibleCheckpointError: It cannot be read here, and is not damaged.
            StorageError: The storage cannot be read.
        """

    @abc.abstractmethod
    def fetch(self, snapshot: Snapshot, pieces: Sequence[Piece]) -> Iterator[Content]:
        """This rank's pieces, verified, in their order, or what is wrong with each."""

    @abc.abstractmethod
    def condemn(self, candidate: Candidate, reason: str) -> str | None:
        """Mark it as damaged. Returns why that could not be done."""

    def place(self, attempt: Attempt) -> str:
        """Address of an attempt, for messages."""
        return f"{self.uri}/{attempt.prefix}"


class DurableSource(Source):
    """A storage that every rank reads by itself; rank 0 lists it and reads the documents."""

    tier = "durable"

    def __init__(self, storage: Storage, ranks: Ranks, options: CheckpointOptions) -> None:
        self._storage, self._ranks, self._options = storage, ranks, options
        self.uri = storage.uri

    def listed(self) -> list[Candidate]:
        found = self._ranks.first(lambda: [attempt for attempt in attempts(self._storage) if attempt.committed])
        return [Candidate(attempt=attempt, quarantined=attempt.quarantined, source=self) for attempt in found]

    def opened(self, candidate: Candidate) -> Snapshot:
        return self._ranks.first(lambda: inspect(self._storage, candidate.attempt))

    def fetch(self, snapshot: Snapshot, pieces: Sequence[Piece]) -> Iterator[Content]:
        return read(self._storage, snapshot, pieces, concurrency=self._options.concurrency)

    def condemn(self, candidate: Candidate, reason: str) -> str | None:
        def mark() -> str | None:
            try:
                quarantine(self._storage, candidate.attempt, [reason])
            except StorageError as cause:
                return str(cause)
            return None

        return self._ranks.first(mark)
