"""Every sample once an epoch, whatever the number of ranks and wherever a run was cut."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from training_code.data.order import SampleOrder, steps_of

WORLDS, BATCHES, SAMPLES, SEEDS = st.integers(1, 5), st.integers(1, 7), st.integers(1, 40), st.integers(0, 2**32 - 1)


def taken(samples: int, batch_size: int, world_size: int, seed: int, steps: int, start: int = 0) -> list[int]:
    """Samples of all ranks over some steps, in the order of their positions."""
    batches = []
    for rank in range(world_size):
        order = SampleOrder(samples=samples, batch_size=batch_size, rank=rank, world_size=world_size, seed=seed)
        order.load_state_dict({"taken": start})
        batches.append(list(islice(order, steps)))
    return [sample for step in zip(*batches, strict=True) for batch in step for sample in batch]


@given(SAMPLES, BATCHES, WORLDS, SEEDS, st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_each_epoch_holds_every_sample_once(samples: int, batch: int, world: int, seed: int, steps: int) -> None:
    found = taken(samples, batch, world, seed, steps)
    epochs = [found[start : start + samples] for start in range(0, len(found), samples)]
    assert all(sorted(epoch) == list(range(samples)) for epoch in epochs[:-1])
    assert len(set(epochs[-1])) == len(epochs[-1])


@given(SAMPLES, SEEDS, BATCHES, WORLDS, BATCHES, WORLDS, st.integers(0, 8), st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_a_resumed_run_of_any_shape_takes_up_where_the_first_stopped(
    samples: int, seed: int, batch: int, world: int, other_batch: int, other_world: int, before: int, after: int
) -> None:
    first = taken(samples, batch, world, seed, before)
    second = taken(samples, other_batch, other_world, seed, after, start=len(first))
    assert first + second == taken(samples, 1, 1, seed, len(first) + len(second))


def test_epochs_and_seeds_differ() -> None:
    found = taken(100, 10, 1, 0, 20)
    assert found[:100] != found[100:]
    assert found[:100] != taken(100, 10, 1, 1, 10)
    assert found[:100] != list(range(100))


def test_no_sample_is_an_error_that_names_the_length() -> None:
    with pytest.raises(ContractError, match=r"train data: got '0 samples'.*sequence_length"):
        SampleOrder(samples=0, batch_size=1, rank=0, world_size=1, seed=0)


@given(SAMPLES, st.integers(1, 50), st.integers(1, 5), SEEDS)
@settings(max_examples=50, deadline=None)
def test_the_steps_of_some_epochs_are_the_fewest_that_take_all(
    samples: int, batch: int, epochs: int, seed: int
) -> None:
    found = taken(samples, batch, 1, seed, steps_of(samples, batch, epochs))
    assert len(found) - batch < samples * epochs <= len(found)
