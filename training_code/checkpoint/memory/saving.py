"""One save in memory, from a staged state to COMMIT on every node. Runs in the saving thread of every rank."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from ml_contract.checkpoint.catalog import attempt_prefix
from ml_contract.checkpoint.documents import COMMIT, METADATA, FileRecord, Sidecar, read_sidecar, sidecar_name
from ml_contract.checkpoint.errors import CheckpointError, CorruptCheckpointError
from training_code.checkpoint.checksum import Buffer
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.file_storage import FileStorage
from training_code.checkpoint.memory.exchange import Parcel, exchange, whole
from training_code.checkpoint.memory.nodes import Nodes
from training_code.checkpoint.pieces import Check, Piece
from training_code.checkpoint.saving import About, Outcome, commit_document, write_shards
from training_code.checkpoint.staging import Staged
from training_code.checkpoint.storage import ObjectWriter


def save(
    storage: FileStorage, about: About, staged: Staged, ranks: Ranks, nodes: Nodes, *, copies: int, block_bytes: int
) -> Outcome:
    """Write, copy and commit. Collective: every rank returns once the commit stands, or raises."""
    attempt = ranks.first(lambda: str(uuid.uuid4()))
    prefix = attempt_prefix(staged.step, attempt)
    mine, record, size = write_shards(storage, attempt, staged, ranks, block_bytes=block_bytes)
    told = ranks.all((mine, record))
    written = [other for other, _ in told]
    document = ranks.first(lambda: commit_document(about, attempt, written, told[0][1], storage.crc))
    sidecars = [read_sidecar(other.sidecar, storage.crc) for other in written]
    taken = ranks.each(lambda: Copying(storage, prefix, sidecars, ranks, nodes, copies).run())
    metadata = ranks.first(lambda: storage.read(f"{prefix}/{METADATA}"))

    def keep_documents() -> None:
        if nodes.leads(ranks.rank):
            for rank, other in enumerate(written):
                if nodes.of[rank] != nodes.of[ranks.rank]:
                    storage.put(f"{prefix}/{sidecar_name(rank)}", other.sidecar)
            if nodes.of[ranks.rank] != nodes.of[0]:
                storage.put(f"{prefix}/{METADATA}", metadata)

    ranks.each(keep_documents)
    # From here on the nodes hold everything: the first COMMIT counts, whoever may die before the last.
    ranks.each(lambda: nodes.leads(ranks.rank) and storage.put_if_absent(f"{prefix}/{COMMIT}", document))
    return Outcome(attempt=attempt, bytes=size + taken[ranks.rank])


class Copying:
    """Every rank's files on their way to the nodes that keep copies of them, verified where they arrive."""

    def __init__(
        self, storage: FileStorage, prefix: str, sidecars: Sequence[Sidecar], ranks: Ranks, nodes: Nodes, copies: int
    ) -> None:
        self._storage, self._prefix, self._ranks = storage, prefix, ranks
        self._block_bytes = sidecars[0].block_bytes
        self._records: list[FileRecord] = []
        self._parcels: list[Parcel] = []
        for rank, sidecar in enumerate(sidecars):
            for keeper in nodes.keepers(rank, copies):
                for record in sidecar.files:
                    self._records.append(record)
                    self._parcels.append(
                        Parcel(sender=rank, receiver=keeper, name=record.name, offset=0, size=record.size)
                    )
        self._arriving: dict[int, tuple[ObjectWriter, Check]] = {}
        self._left = {
            number: parcel.size for number, parcel in enumerate(self._parcels) if parcel.receiver == ranks.rank
        }
        self._errors: list[CheckpointError] = []

    def run(self) -> int:
        """Send and receive. Returns the bytes that this rank took from others, or raises what went wrong here."""
        size = sum(self._left.values())
        try:
            exchange(self._ranks, self._parcels, give=self._give, take=self._take)
        finally:
            for writer, _ in self._arriving.values():
                writer.abort()
        if self._errors:
            raise self._errors[0]
        return size

    def _give(self, number: int, offset: int, length: int) -> bytearray:
        found, error = whole(self._storage, f"{self._prefix}/{self._parcels[number].name}", offset, length)
        if error is not None:
            self._errors.append(error)
        return found

    def _take(self, number: int, data: Buffer) -> None:
        if self._errors:
            return
        record = self._records[number]
        try:
            if number not in self._arriving:
                check = Check(Piece.whole(record), self._block_bytes)
                self._arriving[number] = self._storage.create(f"{self._prefix}/{record.name}"), check
            writer, check = self._arriving[number]
            check.update(data)
            writer.write(data)
            self._left[number] -= memoryview(data).nbytes
            if not self._left[number]:
                if check.finding:
                    raise CorruptCheckpointError(f"the copy of {check.finding}")
                writer.finish(0)
                del self._arriving[number]
        except CheckpointError as error:
            self._errors.append(error)
