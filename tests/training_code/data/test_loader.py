"""A loader that goes on exactly where its state was taken, with and without worker processes."""

from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training_code.data.loader import Loader, Windows
from training_code.data.order import SampleOrder
from training_code.data.shards import ByteShards

LENGTH = 64


def loader(folder: Path, *, batch_size: int = 3, rank: int = 0, world_size: int = 1, workers: int = 0) -> Loader:
    windows = Windows(ByteShards.open(folder), LENGTH)
    order = SampleOrder(samples=len(windows), batch_size=batch_size, rank=rank, world_size=world_size, seed=7)
    return Loader(windows, order, workers=workers)


def take(source: Loader, steps: int) -> list[list[int]]:
    """Samples as their content, flat."""
    return [sample for batch in islice(source, steps) for sample in batch.tolist()]


def test_windows_are_inputs_and_targets_of_one_text(shards: Path) -> None:
    found, windows = ByteShards.open(shards), Windows(ByteShards.open(shards), LENGTH)
    text = torch.from_numpy(found.read(0, len(found)))
    assert len(windows) == (len(found) - 1) // LENGTH
    for index in (0, 1, len(windows) - 1):
        assert torch.equal(windows[index], text[index * LENGTH : (index + 1) * LENGTH + 1])


@given(before=st.integers(0, 260), after=st.integers(1, 6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sample_is_skipped_or_repeated_across_a_resume(shards: Path, before: int, after: int) -> None:
    first = loader(shards)
    batches = iter(first)
    head = [sample for batch in islice(batches, before) for sample in batch.tolist()]
    second = loader(shards)
    second.load_state_dict(first.state_dict())
    assert head + take(second, after) == take(loader(shards), before + after)
    assert second.taken == (before + after) * 3


@given(
    world=st.integers(1, 3), batch=st.integers(1, 4), other_world=st.integers(1, 3), other_batch=st.integers(1, 4),
    steps=st.integers(0, 5),
)  # fmt: skip
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_another_number_of_ranks_takes_up_at_the_same_position(
    shards: Path, world: int, batch: int, other_world: int, other_batch: int, steps: int
) -> None:
    def step(sources: list[Loader], count: int) -> list[list[int]]:
        batches = [list(islice(source, count)) for source in sources]
        return [sample for parts in zip(*batches, strict=True) for part in parts for sample in part.tolist()]

    first = [loader(shards, batch_size=batch, rank=rank, world_size=world) for rank in range(world)]
    head = step(first, steps)
    states = [source.state_dict() for source in first]
    assert all(state == states[0] for state in states), "the state is shared: one copy is stored for all ranks"
    second = [loader(shards, batch_size=other_batch, rank=rank, world_size=other_world) for rank in range(other_world)]
    for source in second:
        source.load_state_dict(states[0])
    tail = step(second, 2)
    assert head + tail == take(loader(shards, batch_size=1), len(head) + len(tail))


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2])
def test_worker_processes_change_nothing_and_resume_exactly(shards: Path, after: int) -> None:
    first = loader(shards, workers=2)
    batches = iter(first)
    head = [sample for batch in islice(batches, 5) for sample in batch.tolist()]
    assert first.taken == 15, "what workers fetched ahead does not count"
    second = loader(shards, workers=after)
    second.load_state_dict(first.state_dict())
    assert head + take(second, 5) == take(loader(shards), 10)
