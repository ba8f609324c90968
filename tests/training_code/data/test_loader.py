"""A loader that goes on exactly where its state was taken, with and without worker processes."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from training_code import failure
from training_code.data.loader import AHEAD, Loader
from training_code.data.order import SampleOrder
from training_code.data.s3_reads import StreamError
from training_code.data.tokens import TokenShards
from training_code.data.windows import Windows

LENGTH = 64
MANY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def loader(
    folder: Path, *, batch_size: int = 4, rank: int = 0, world_size: int = 1, workers: int = 0,
    micro_batch: int | None = None, **options: Any,
) -> Loader:  # fmt: skip
    windows = Windows(TokenShards.open(folder, verify=False), LENGTH)
    order = SampleOrder(samples=len(windows), batch_size=batch_size, rank=rank, world_size=world_size, seed=7)
    return Loader(windows, order, workers=workers, micro_batch=micro_batch or batch_size, **options)


def take(source: Loader, batches: int) -> list[list[int]]:
    """Samples as their content, flat."""
    return [sample for batch in islice(source, batches) for sample in batch.tolist()]


@given(before=st.integers(0, 260), after=st.integers(1, 6))
@MANY
@pytest.mark.slow
def test_no_sample_is_skipped_or_repeated_across_a_resume(shards: Path, before: int, after: int) -> None:
    first = loader(shards)
    head = take(first, before)
    second = loader(shards)
    second.load_state_dict(first.state_dict())
    assert head + take(second, after) == take(loader(shards), before + after)
    assert second.taken == (before + after) * 4


@given(micro=st.sampled_from([1, 2, 4]), batches=st.integers(1, 30))
@MANY
def test_micro_batches_are_the_parts_of_a_step_in_order(shards: Path, micro: int, batches: int) -> None:
    source = loader(shards, micro_batch=micro)
    shapes = {tuple(batch.shape) for batch in islice(source, batches)}
    assert shapes == {(micro, LENGTH + 1)}
    assert source.taken == batches * micro // 4 * 4, "only whole steps count"
    assert take(loader(shards, micro_batch=micro), batches) == take(loader(shards), 30)[: batches * micro]


@given(micro=st.sampled_from([1, 2]), batches=st.integers(0, 9))
@MANY
def test_a_state_asked_for_within_a_step_is_that_of_its_start(shards: Path, micro: int, batches: int) -> None:
    first = loader(shards, micro_batch=micro)
    head = take(first, batches)
    second = loader(shards, micro_batch=micro)
    second.load_state_dict(first.state_dict())
    whole = len(head) // 4 * 4
    assert head[:whole] + take(second, 8) == take(loader(shards, micro_batch=1), whole + 8 * micro)


@given(batches=st.integers(1, 9))
@MANY
def test_a_step_taken_back_has_not_been_consumed(shards: Path, batches: int) -> None:
    source = loader(shards, micro_batch=2)
    head = take(source, batches)
    source.rewind()
    kept = (batches - 1) // 2 * 4
    assert source.taken == kept
    other = loader(shards, micro_batch=2)
    other.load_state_dict(source.state_dict())
    expected = take(loader(shards, micro_batch=1), kept + 8)
    assert expected[: len(head)] == head
    assert take(other, 4) == take(source, 4) == expected[kept:]


@given(world=st.integers(1, 3), other=st.sampled_from([1, 2, 3, 4, 6, 12]), steps=st.integers(0, 5))
@MANY
def test_another_number_of_ranks_takes_up_at_the_same_position(
    shards: Path, world: int, other: int, steps: int
) -> None:
    def ranks(count: int) -> list[Loader]:
        return [loader(shards, batch_size=12 // count, rank=rank, world_size=count) for rank in range(count)]

    def step(sources: list[Loader], count: int) -> list[list[int]]:
        batches = [list(islice(source, count)) for source in sources]
        return [sample for parts in zip(*batches, strict=True) for part in parts for sample in part.tolist()]

    first, second = ranks(world), ranks(other)
    head = step(first, steps)
    states = [source.state_dict() for source in first]
    assert all(state == states[0] for state in states), "the state is shared: one copy is stored for all ranks"
    for source in second:
        source.load_state_dict(states[0])
    assert head + step(second, 2) == take(loader(shards, batch_size=1), 12 * (steps + 2))


def test_ranks_that_share_samples_get_the_same(shards: Path) -> None:
    """As in a tensor or pipeline group."""
    pair = [loader(shards, rank=1, world_size=2, micro_batch=2) for _ in range(2)]
    assert take(pair[0], 6) == take(pair[1], 6)


def test_a_micro_batch_that_does_not_divide_is_refused(shards: Path) -> None:
    with pytest.raises(ContractError, match=r"micro_batch_size: got 3, but it must divide .* \(4\)"):
        loader(shards, micro_batch=3)


def test_a_workload_may_make_its_own_batches(shards: Path) -> None:
    lengths = next(loader(shards, collate=lambda samples: [len(sample) for sample in samples]))
    assert lengths == [LENGTH + 1] * 4


class Remote:
    """Samples that note what they were told before it was asked for."""

    def __init__(self) -> None:
        self.told: list[list[int]] = []
        self.known: set[int] = set()

    def ahead(self, indices: list[int]) -> None:
        self.told.append(list(indices))
        self.known.update(indices)

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> int:
        assert index in self.known
        return index


def test_samples_are_announced_before_they_are_asked_for() -> None:
    samples = Remote()
    order = SampleOrder(samples=100, batch_size=4, rank=0, world_size=1, seed=7)
    source = Loader(samples, order, workers=0, micro_batch=2)
    found = [index for batch in islice(source, AHEAD) for index in batch.tolist()]
    assert samples.told[0] == found[:AHEAD], "this batch and those that come after it"
    assert samples.told[3] == found[6 : 6 + AHEAD]


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2])
def test_worker_processes_change_nothing_and_resume_exactly(shards: Path, after: int) -> None:
    first = loader(shards, workers=2, micro_batch=2)
    head = take(first, 7)
    assert first.taken == 12, "what workers fetched ahead does not count, nor does half a step"
    second = loader(shards, workers=after, micro_batch=2)
    second.load_state_dict(first.state_dict())
    head += take(first, 1)
    assert head[:12] + take(second, 4) == take(loader(shards), 5)
    first.rewind()
    assert head[:12] + take(first, 4) == take(loader(shards), 5)
    third = loader(shards, workers=after, micro_batch=2)
    third.load_state_dict(first.state_dict())
    assert take(third, 2) == take(first, 2), "torchdata's own state where the workers are as many"


class Unsendable(Exception):
    """Whose copy cannot be made from its message."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


ERRORS = {
    "shard a.tar: got 5, but it is damaged. Copy it.": ContractError("shard a.tar", 5, "it is damaged", "Copy it."),
    "StreamError: s3://b/a.tar: GetObject failed": StreamError("s3://b/a.tar: GetObject failed"),
    "Unsendable: a and b": Unsendable("a", "b"),
}


class Broken:
    """Samples of which none can be read, for one reason after the other."""

    def __init__(self) -> None:
        self._errors = iter(list(ERRORS.values()))

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> Any:
        raise next(self._errors)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_is_the_same_wherever_samples_are_read(workers: int) -> None:
    order = SampleOrder(samples=100, batch_size=4, rank=0, world_size=1, seed=7)
    source = Loader(Broken(), order, workers=workers, micro_batch=4)
    for reason, error in ERRORS.items():
        with pytest.raises((type(error), RuntimeError)) as caught:
            next(source)
        assert failure.describe(caught.value).removeprefix("RuntimeError: ") == reason
        assert ("in __getitem__" in "".join(getattr(caught.value, "__notes__", []))) == (workers > 0)
        if not workers:
            break  # torch's iterator has ended with the first one
