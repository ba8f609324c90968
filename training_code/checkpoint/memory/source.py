"""Commits in the nodes' memory as a restore sees them: what one node lacks or holds damaged, another one sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ml_contract.checkpoint.catalog import Attempt, Snapshot, manifest
from ml_contract.checkpoint.errors import CorruptCheckpointError, IncompatibleCheckpointError, StorageError
from training_code.checkpoint.checksum import Buffer
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.file_storage import FileStorage
from training_code.checkpoint.memory.exchange import Parcel, exchange, whole
from training_code.checkpoint.memory.listing import Held, listed
from training_code.checkpoint.memory.nodes import Nodes
from training_code.checkpoint.pieces import Check, Content, Piece, read
from training_code.checkpoint.quarantine import quarantine
from training_code.checkpoint.sources import Candidate, Source

Warn = Callable[[Attempt, str], None]


@dataclass
class _Search:
    """A piece that a rank looks for."""

    piece: Piece
    holders: list[int]
    """Nodes that were not asked yet, the own one first."""
    content: Content

    @property
    def found(self) -> bool:
        return not isinstance(self.content, str)


class MemorySource(Source):
    """What the living nodes hold together."""

    tier = "memory"

    def __init__(self, storage: FileStorage, ranks: Ranks, nodes: Nodes, *, concurrency: int, warn: Warn) -> None:
        """``warn`` is called on rank 0 with what a peer made good."""
        self._storage, self._ranks, self._nodes = storage, ranks, nodes
        self._concurrency, self._warn = concurrency, warn
        self._there: dict[str, Held] = {}
        self.refused: set[str] = set()
        """Commits that were looked at, and are none."""
        self.uri = storage.uri

    def listed(self) -> list[Candidate]:
        self._there = listed(self._storage, self._ranks, self._nodes)
        return [
            Candidate(attempt=held.named, quarantined=held.quarantined, source=self)
            for held in self._there.values()
            if held.committing
        ]

    def opened(self, candidate: Candidate) -> Snapshot:
        uuid = candidate.attempt.uuid
        held, findings = self._there[uuid], []
        self.refused.add(uuid)
        for node in held.committing:
            try:
                attempt = held.on[node]
                snapshot = self._ranks.first(partial(manifest, self._storage, attempt), rank=self._nodes.leader(node))
                break
            except (CorruptCheckpointError, StorageError) as error:
                findings.append(str(error))
        else:
            raise CorruptCheckpointError("; ".join(findings))
        lost = [record.name for record in snapshot.files.values() if not held.holders(record)]
        if lost:
            raise IncompatibleCheckpointError(
                f"{len(lost)} of {len(snapshot.files)} files, {lost[0]} among them, are on no living node"
            )
        self.refused.discard(uuid)
        return snapshot

    def condemn(self, candidate: Candidate, reason: str) -> str | None:
        self.refused.add(candidate.attempt.uuid)
        held = self._there[candidate.attempt.uuid]
        node = self._nodes.of[self._ranks.rank]

        def mark() -> None:
            if self._nodes.leads(self._ranks.rank) and node in held.on:
                quarantine(self._storage, held.on[node], [reason])

        try:
            self._ranks.each(mark)
        except StorageError as error:
            return str(error)
        return None

    def fetch(self, snapshot: Snapshot, pieces: Sequence[Piece]) -> Iterator[Content]:
        held = self._there[snapshot.attempt.uuid]
        mine = self._nodes.of[self._ranks.rank]
        searches = [
            _Search(piece, sorted(held.holders(piece.record), key=lambda node: node != mine),
                    f"{piece.record.name} is on no living node")
            for piece in pieces
        ]  # fmt: skip
        here = [search for search in searches if mine in search.holders]
        self._look_here(snapshot, here, mine)
        damaged = [(search, str(search.content)) for search in here if not search.found]
        while self._ask(snapshot, searches):
            pass
        healed = self._ranks.all([finding for search, finding in damaged if search.found])
        notes = {finding for rank in healed for finding in rank}
        if notes and self._ranks.rank == 0:
            self._warn(snapshot.attempt, f"{'; '.join(sorted(notes))}: taken from another node")
        return iter([search.content for search in searches])

    def _look_here(self, snapshot: Snapshot, searches: Sequence[_Search], node: int) -> None:
        try:
            found = read(
                self._storage, snapshot, [search.piece for search in searches], concurrency=self._concurrency
            )  # fmt: skip
            for search, content in zip(searches, found, strict=True):
                search.content = content
        except StorageError as error:
            for search in searches:
                search.content = search.content if search.found else str(error)
        for search in searches:
            search.holders.remove(node)

    def _ask(self, snapshot: Snapshot, searches: Sequence[_Search]) -> bool:
        """Fetch what is not found yet from the next node that holds it. False when no rank has anything to ask."""
        asking = [search for search in searches if not search.found and search.holders]
        requests = [(search.piece.record.name, search.piece.offset, search.piece.length, search.holders.pop(0))
                    for search in asking]  # fmt: skip
        told = self._ranks.all(requests)
        parcels: list[Parcel] = []
        expected: dict[int, tuple[_Search, Check, bytearray]] = {}
        for rank, wanted in enumerate(told):
            for number, (name, offset, length, node) in enumerate(wanted):
                if rank == self._ranks.rank:
                    search = asking[number]
                    expected[len(parcels)] = search, Check(search.piece, snapshot.block_bytes), bytearray()
                there = self._nodes.ranks(node)
                sender = there[(rank + number) % len(there)]
                parcels.append(Parcel(sender=sender, receiver=rank, name=name, offset=offset, size=length))
        if not parcels:
            return False

        def give(number: int, offset: int, length: int) -> bytearray:
            # Whoever asked finds out by the checksum what is wrong with it, and asks the next.
            parcel = parcels[number]
            return whole(self._storage, f"{snapshot.attempt.prefix}/{parcel.name}", parcel.offset + offset, length)[0]

        def take(number: int, data: Buffer) -> None:
            _, check, content = expected[number]
            check.update(data)
            content += data

        exchange(self._ranks, parcels, give=give, take=take)
        for search, check, content in expected.values():
            search.content = check.finding or content
        return True
