"""Bytes from rank to rank through a gloo group, any number of parcels at once, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from ml_contract.checkpoint.errors import StorageError
from training_code.checkpoint.checksum import Buffer
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.file_storage import FileStorage

CHUNK_BYTES = 8 * 2**20
"""What goes at a time from one rank to another; a rank holds one of each that it sends to or receives from."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Bytes that one rank sends to another."""

    sender: int
    receiver: int
    name: str
    """Of the file that they are of."""
    offset: int
    """Where in the file they begin."""
    size: int


Give = Callable[[int, int, int], bytearray]
"""(number of the parcel, offset within it, length) -> that many bytes"""
Take = Callable[[int, Buffer], None]
"""(number of the parcel, the next bytes of it)"""


def exchange(ranks: Ranks, parcels: Sequence[Parcel], *, give: Give, take: Take) -> None:
    """Send and receive. Collective.

    Args:
        ranks: The group.
        parcels: The same on every rank, in the same order.
        give: Reads what this rank sends. Raises nothing: the other side waits for it.
        take: Is handed what this rank receives, parcel by parcel of each sender. Raises nothing.
    """
    outgoing = _by_peer(parcels, lambda parcel: parcel.receiver if parcel.sender == ranks.rank else None)
    incoming = _by_peer(parcels, lambda parcel: parcel.sender if parcel.receiver == ranks.rank else None)
    # Both sides of a pair are at its n-th chunk in their n-th round, so nobody waits for what is not under way.
    while outgoing or incoming:
        under_way = []
        received = []
        for peer, (number, offset, length) in _round(outgoing):
            data = torch.frombuffer(give(number, offset, length), dtype=torch.uint8)
            under_way.append((ranks.sending(data, peer), data))
        for peer, (number, _, length) in _round(incoming):
            data = torch.empty(length, dtype=torch.uint8)
            under_way.append((ranks.receiving(data, peer), data))
            received.append((number, data))
        for work, _ in under_way:
            work.wait()
        for number, data in received:
            take(number, data.numpy().data)


Chunk = tuple[int, int, int]
"""(number of the parcel, offset within it, length)"""


def whole(storage: FileStorage, key: str, offset: int, length: int) -> tuple[bytearray, StorageError | None]:
    """So many bytes of a file whatever it holds, for :data:`Give`, and what was wrong: who gets them sees it too."""
    found, error = bytearray(), None
    try:
        for part in storage.stream(key, offset, length):
            found += part
    except StorageError as cause:
        error = cause
    return found if len(found) == length else found.ljust(length, b"\0"), error


def _by_peer(parcels: Sequence[Parcel], peer: Callable[[Parcel], int | None]) -> dict[int, Iterator[Chunk]]:
    numbers: dict[int, list[int]] = {}
    for number, parcel in enumerate(parcels):
        found = peer(parcel)
        if found is not None:
            numbers.setdefault(found, []).append(number)
    return {found: _chunks(parcels, mine) for found, mine in numbers.items()}


def _chunks(parcels: Sequence[Parcel], numbers: Sequence[int]) -> Iterator[Chunk]:
    for number in numbers:
        for offset in range(0, parcels[number].size, CHUNK_BYTES):
            yield number, offset, min(CHUNK_BYTES, parcels[number].size - offset)


def _round(streams: dict[int, Iterator[Chunk]]) -> list[tuple[int, Chunk]]:
    """The next chunk of each peer; those that have no more are gone."""
    found = []
    for peer in list(streams):
        chunk = next(streams[peer], None)
        if chunk is None:
            del streams[peer]
        else:
            found.append((peer, chunk))
    return found
