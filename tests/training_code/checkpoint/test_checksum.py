"""Checksums by block, and which blocks cover what is wanted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training_code.checkpoint.checksum import BlockChecksum, crc64nvme, encode, spans


def test_the_catalogue_value() -> None:
    """CRC-64/NVME of '123456789' as the catalogue of CRC algorithms has it."""
    assert encode(crc64nvme(b"123456789")) == "ae8b14860a799888"


@given(pieces=st.lists(st.binary(max_size=40)), block=st.integers(1, 17))
def test_blocks_and_whole_are_those_of_the_content(pieces: list[bytes], block: int) -> None:
    """However a stream is cut up."""
    checksum, content = BlockChecksum(block), b"".join(pieces)
    for piece in pieces:
        checksum.update(piece)
    assert checksum.size == len(content)
    assert checksum.value == crc64nvme(content)
    cut = [content[start : start + block] for start in range(0, len(content), block)]
    assert checksum.blocks == tuple(encode(crc64nvme(part)) for part in cut)


@given(
    size=st.integers(1, 200),
    data=st.data(),
    block=st.integers(1, 30),
    longest=st.integers(1, 90),
)
def test_spans_cover_the_ranges_in_whole_blocks(size: int, data: st.DataObject, block: int, longest: int) -> None:
    starts = data.draw(st.lists(st.integers(0, size - 1), max_size=5))
    ranges = [(start, data.draw(st.integers(0, size - start))) for start in starts]
    found = list(spans(ranges, block_bytes=block, size=size, longest=longest))
    covered = [position for offset, length in found for position in range(offset, offset + length)]
    assert covered == sorted(set(covered)), "ascending and without overlap"
    assert {position for offset, length in ranges for position in range(offset, offset + length)} <= set(covered)
    for offset, length in found:
        assert offset % block == 0
        assert (offset + length) % block == 0 or offset + length == size
        assert length <= max(block, longest)
    wanted = {position // block for offset, length in ranges for position in range(offset, offset + length)}
    assert {position // block for position in covered} == wanted, "no block more than needed"
