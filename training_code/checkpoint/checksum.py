"""CRC64NVME over a stream, block by block, so that a reader can check any part without reading the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ml_contract.checkpoint.objects import encode

Buffer = bytes | bytearray | memoryview


def crc64nvme(data: Buffer, previous: int = 0) -> int:
    """CRC64NVME of ``data``, continuing ``previous``. S3 stores the same checksum for a whole object."""
    from awscrt import checksums  # here, so that an image without it can train without checkpoints

    return int(checksums.crc64nvme(data, previous))


class BlockChecksum:
    """The checksum of each block of a stream, and from them that of the whole: every byte is read once."""

    def __init__(self, block_bytes: int) -> None:
        assert block_bytes > 0
        self._block_bytes = block_bytes
        self._closed: list[int] = []
        self._open, self._open_bytes = 0, 0
        self.size = 0

    def update(self, data: Buffer) -> None:
        """Add the next bytes of the stream."""
        view = memoryview(data).cast("B")
        self.size += len(view)
        while len(view):
            part = view[: self._block_bytes - self._open_bytes]
            self._open = crc64nvme(part, self._open)
            self._open_bytes += len(part)
            view = view[len(part) :]
            if self._open_bytes == self._block_bytes:
                self._closed.append(self._open)
                self._open, self._open_bytes = 0, 0

    @property
    def blocks(self) -> tuple[str, ...]:
        """Checksums of the blocks so far, the last one maybe shorter."""
        return tuple(encode(value) for value in (*self._closed, *([self._open] if self._open_bytes else [])))

    @property
    def value(self) -> int:
        """Checksum of everything so far."""
        from awscrt import checksums

        whole = 0
        for block in self._closed:
            whole = checksums.combine_crc64nvme(whole, block, self._block_bytes)
        return int(checksums.combine_crc64nvme(whole, self._open, self._open_bytes)) if self._open_bytes else whole


def spans(ranges: Iterable[tuple[int, int]], *, block_bytes: int, size: int, longest: int) -> Iterator[tuple[int, int]]:
    """Blocks that cover ``ranges``, joined where they touch and cut at about ``longest`` bytes.

    Args:
        ranges: (offset, length) pairs in bytes, in any order.
        block_bytes: Spans start at multiples of it.
        size: End of the object, where the last span ends.
        longest: Spans are no longer than this, rounded up to whole blocks.

    Yields:
        (offset, length) pairs in bytes, ascending, without overlap.
    """
    wanted = sorted({block for offset, length in ranges for block in _covering(offset, length, block_bytes)})
    limit = max(1, longest // block_bytes)
    first = last = -1
    for block in [*wanted, -1]:
        if first >= 0 and (block != last + 1 or last - first + 1 >= limit):
            yield first * block_bytes, min((last + 1) * block_bytes, size) - first * block_bytes
            first = -1
        if first < 0:
            first = block
        last = block


def _covering(offset: int, length: int, block_bytes: int) -> range:
    return range(offset // block_bytes, -(-(offset + length) // block_bytes)) if length else range(0)
