"""How sequences and blocks are divided, without ranks."""

import functools
import operator

from hypothesis import given
from hypothesis import strategies as st

from training_code.parallel.pipeline import cut
from training_code.parallel.sequence import positions


@given(size=st.integers(1, 8), chunk=st.integers(1, 16))
def test_parts_of_a_sequence_are_disjoint_whole_and_see_as_many_keys(size: int, chunk: int) -> None:
    length = 2 * size * chunk
    parts = [positions(length, rank, size).tolist() for rank in range(size)]
    assert sorted(functools.reduce(operator.iadd, parts, [])) == list(range(length))
    # A query at position p sees p + 1 keys.
    assert len({sum(part) + len(part) for part in parts}) == 1


@given(blocks=st.integers(1, 100), parts=st.integers(1, 16))
def test_blocks_are_cut_in_order_and_evenly(blocks: int, parts: int) -> None:
    names = [str(number) for number in range(blocks)]
    found = cut(names, parts)
    sizes = [len(part) for part in found]
    assert functools.reduce(operator.iadd, found, []) == names
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
