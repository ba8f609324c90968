"""Which shards survive which losses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from training_code.checkpoint.memory.nodes import Nodes

names = st.lists(st.integers(0, 5).map(str), min_size=1, max_size=12)


@given(names=names, copies=st.integers(0, 6), lost=st.sets(st.integers(0, 5)))
def test_any_so_many_lost_nodes_leave_a_living_copy_of_every_shard(
    names: list[str], copies: int, lost: set[int]
) -> None:
    """Guards the promise of ``copies``, however ranks and nodes are numbered and however many a node has."""
    nodes = Nodes.named(names)
    copies = nodes.copies(copies)
    lost &= set(range(nodes.count))
    for rank in range(len(names)):
        holders = [nodes.of[holder] for holder in (rank, *nodes.keepers(rank, copies))]
        assert len(set(holders)) == len(holders) == copies + 1, "a copy on the same node is none"
        if len(lost) <= copies:
            assert set(holders) - lost


@given(names=names, copies=st.integers(0, 6), data=st.data())
def test_what_is_needed_is_what_lies_there(names: list[str], copies: int, data: st.DataObject) -> None:
    nodes = Nodes.named(names)
    copies = nodes.copies(copies)
    sizes = data.draw(st.lists(st.integers(0, 100), min_size=len(names), max_size=len(names)))
    lying = [0] * nodes.count
    for rank, size in enumerate(sizes):
        for node in {nodes.of[holder] for holder in (rank, *nodes.keepers(rank, copies))}:
            lying[node] += size
    assert nodes.needed(sizes, copies) == lying
    assert sum(lying) == sum(sizes) * (copies + 1)


def test_ranks_of_a_node_share_the_work_of_keeping() -> None:
    nodes = Nodes.named(["a", "a", "b", "b", "c"])
    assert [nodes.keepers(rank, 1) for rank in range(5)] == [[2], [3], [4], [4], [0]]
    assert [nodes.leads(rank) for rank in range(5)] == [True, False, True, False, True]
