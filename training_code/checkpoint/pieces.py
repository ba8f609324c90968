"""Pieces of the files of a commit: what is fetched at a time, and whether it is what the manifest says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ml_contract.checkpoint.catalog import Snapshot
from ml_contract.checkpoint.documents import FileRecord
from ml_contract.checkpoint.errors import ObjectMissingError
from ml_contract.checkpoint.objects import Objects, encode
from training_code.checkpoint.checksum import BlockChecksum, Buffer, spans

SPAN_BYTES = 64 * 2**20
"""Longest piece of a file that one request fetches; pieces are fetched in parallel."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Whole blocks of one file, or all of it."""

    record: FileRecord
    offset: int
    length: int
    """Bytes."""

    @classmethod
    def whole(cls, record: FileRecord) -> Piece:
        """All of a file, such as a document."""
        return cls(record=record, offset=0, length=record.size)


Content = bytearray | str
"""A verified piece, or what is wrong with it."""


def pieces_of(snapshot: Snapshot, ranges: Mapping[str, Iterable[tuple[int, int]]]) -> list[Piece]:
    """Pieces that cover (offset, length) pairs of files, by their names."""
    return [
        Piece(record=snapshot.files[name], offset=offset, length=length)
        for name, wanted in ranges.items()
        for offset, length in spans(
            wanted, block_bytes=snapshot.block_bytes, size=snapshot.files[name].size, longest=SPAN_BYTES
        )
    ]  # fmt: skip


class Check:
    """Takes the content of a piece as it comes, and says in the end whether it is sound."""

    def __init__(self, piece: Piece, block_bytes: int) -> None:
        self._piece, self._block_bytes = piece, block_bytes
        self._checksum = BlockChecksum(block_bytes)

    def update(self, data: Buffer) -> None:
        """The next bytes."""
        self._checksum.update(data)

    @property
    def finding(self) -> str | None:
        """What is wrong, in one line."""
        record, found = self._piece.record, self._checksum
        if not record.blocks and record.size and encode(found.value) != record.crc64nvme:
            return f"{record.name} is damaged: its content does not have checksum {record.crc64nvme}"
        first = self._piece.offset // self._block_bytes
        expected = record.blocks[first : first + -(-self._piece.length // self._block_bytes)]
        for number, (is_, should) in enumerate(zip(found.blocks, expected, strict=False), first):
            if is_ != should:
                return f"{record.name} is damaged in block {number}: checksum {is_}, the manifest says {should}"
        if found.size != self._piece.length:
            return f"{record.name} ends {self._piece.length - found.size} bytes early"
        return None


def read(storage: Objects, snapshot: Snapshot, pieces: Sequence[Piece], *, concurrency: int) -> Iterator[Content]:
    """Each piece from a storage, verified, in their order."""

    def one(piece: Piece) -> Content:
        content, check = bytearray(), Check(piece, snapshot.block_bytes)
        try:
            for part in storage.stream(f"{snapshot.attempt.prefix}/{piece.record.name}", piece.offset, piece.length):
                check.update(part)
                content += part
        except ObjectMissingError:
            return f"{piece.record.name} is missing"
        return check.finding or content

    with ThreadPoolExecutor(concurrency, "checkpoint-fetch") as threads:
        yield from threads.map(one, pieces)
