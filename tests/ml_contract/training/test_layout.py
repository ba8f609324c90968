"""World-size arithmetic: what fits multiplies to the world, and what does not says what would."""

from contextlib import nullcontext, suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.training.layout import World
from ml_contract.training.strategies import Ddp, Fsdp, ModelParallel, Pipeline
from ml_contract.workloads import BytesLm

DEGREES = st.sampled_from([1, 2, 3, 4, 6, 8])


@given(
    hosts=DEGREES, ranks_per_host=DEGREES, tensor=DEGREES, context=DEGREES, stages=DEGREES,
    data=st.sampled_from([None, Ddp(), Fsdp(), Fsdp(sharding="hybrid")]),
)  # fmt: skip
def test_degrees_multiply_to_the_world_or_are_refused(
    hosts: int, ranks_per_host: int, tensor: int, context: int, stages: int, data: Ddp | Fsdp | None
) -> None:
    assume(tensor * context * stages > 1)
    pipeline = Pipeline(stages=stages, micro_batches=stages) if stages > 1 else None
    strategy = ModelParallel(tensor=tensor, context=context, pipeline=pipeline, data=data)
    world = World(hosts=hosts, ranks_per_host=ranks_per_host)
    fits = world.size % (tensor * context * stages) == 0 and ranks_per_host % tensor == 0
    hybrid = isinstance(data, Fsdp) and data.sharding == "hybrid"
    refused = nullcontext() if fits and data is not None and not hybrid else suppress(ContractError)
    layout = None
    with refused:
        layout = strategy.layout(world)
    if layout is None:
        return
    assert fits
    assert layout.size == world.size
    assert (layout.tensor, layout.context, layout.pipeline) == (tensor, context, stages)


@pytest.mark.parametrize(
    ("strategy", "world", "words"),
    [
        (
            ModelParallel(tensor=3),
            World(hosts=3, ranks_per_host=8),
            "tensor: got 3, but a host has 8 ranks, which it must divide",
        ),
        (ModelParallel(tensor=2), World(hosts=1, ranks_per_host=8), "data: got None, but 4 groups"),
        (ModelParallel(context=3), World(hosts=1, ranks_per_host=8), r"Give one of 1, 2, 4, 8, or change the world"),
    ],
)
def test_what_does_not_fit_names_what_would(strategy: ModelParallel, world: World, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        strategy.layout(world)


def test_hybrid_stages_within_a_host_shard_over_all_their_data_ranks() -> None:
    strategy = ModelParallel(tensor=2, pipeline=Pipeline(stages=2, micro_batches=2), data=Fsdp(sharding="hybrid"))
    layout = strategy.layout(World(hosts=1, ranks_per_host=8))
    assert (layout.replicate, layout.shard) == (1, 2)


@pytest.mark.parametrize(
    ("strategy", "options", "words"),
    [
        (ModelParallel(tensor=4), BytesLm(heads=4, sequence_length=30), "part of the sequence \\(30\\)"),
        (ModelParallel(context=4), BytesLm(sequence_length=12), "twice of it must divide sequence_length \\(12\\)"),
    ],
)
def test_a_workload_refuses_what_does_not_divide_its_model(
    strategy: ModelParallel, options: BytesLm, words: str
) -> None:
    with pytest.raises(ContractError, match=words):
        options.check_layout(strategy.layout(World(hosts=1, ranks_per_host=4)), parts=1)
