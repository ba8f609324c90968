"""Memory of a rank: published examples, and what must hold of any run."""

import dataclasses
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.sizing.memory import memory
from ml_contract.sizing.parts import parts
from ml_contract.training.aws_strategies import Horovod, Mpi, SageMakerDataParallel, SageMakerModelParallel
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.strategies import (
    CpuOffload,
    Ddp,
    DeepSpeed,
    Fsdp,
    ModelParallel,
    NvmeOffload,
    ParallelStrategy,
    Pipeline,
)
from ml_contract.training.surroundings import Checkpointing, MemoryTier
from ml_contract.workloads import Digits, ModelSize
from ml_contract.workloads.arr_coc import ARR_COC_2B

from .memory_runs import LLAMA, ONE, Plain, run, states, world


# ../shared/facts/costs.md: weights of 2 bytes and an optimiser of 12, gradients not counted.
def test_two_billion_parameters_take_28_gigabytes() -> None:
    found = memory(run(DeepSpeed(stage=1), Plain(parameters=2 * 10**9)), ONE)
    assert (found.item("parameters"), found.item("optimiser state")) == (4 * 10**9, 24 * 10**9)


def test_175_billion_parameters_take_2450_gigabytes() -> None:
    found = memory(run(DeepSpeed(stage=1), Plain(parameters=175 * 10**9)), ONE)
    assert found.item("parameters") == 350 * 10**9
    assert found.item("parameters") + found.item("optimiser state") == 2450 * 10**9


@pytest.mark.parametrize("ranks", [8, 64, 1024])
def test_stage_3_divides_all_of_it_by_the_world(ranks: int) -> None:
    found = memory(run(DeepSpeed(stage=3), Plain(parameters=2**37), global_batch_size=1024), world(ranks // 8, 8))
    assert found.item("parameters") + found.item("optimiser state") == 14 * 2**37 // ranks


# ZeRO, arXiv 1910.02054, figure 1: 7.5 billion parameters on 64 ranks take 120, 31.4, 16.6 and 1.9 GB. Gradients are
# 2 bytes there, and 4 bytes here once they are divided.
@pytest.mark.parametrize(("stage", "gigabytes"), [(1, 31.4), (2, 16.6), (3, 1.9)])
def test_the_stages_are_those_of_the_paper(stage: int, gigabytes: float) -> None:
    found = memory(run(DeepSpeed(stage=stage), Plain(parameters=7_500_000_000)), world(8, 8))
    more = 2 * 7.5 / 64 if stage > 1 else 0
    assert states(found) / 1e9 == pytest.approx(gigabytes + more, abs=0.05)


def test_torch_takes_16_bytes_a_parameter_too() -> None:
    assert states(memory(run(Ddp(), Plain(parameters=7_500_000_000)), world(8, 8))) == 120 * 10**9


# Korthikanti et al., arXiv 2205.05198: 34 s b h bytes a layer of 16-bit activations with h of 4 h feed-forward layers,
# less 2 s b h of dropout masks, and 5 a s / h for scores that are not kept here.
def test_activations_of_the_paper_s_layer() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Gpt(Digits):
        @property
        def size(self) -> ModelSize:
            return ModelSize(parameters=12 * 1024**2 * 24, blocks=24, block_parameters=12 * 1024**2, hidden=1024,
                             heads=16, tokens=2048, vocabulary=1)  # fmt: skip

    found = memory(run(Fsdp(), Gpt(), global_batch_size=1), ONE).item("activations")
    assert found / 24 == pytest.approx((34 - 2) * 2048 * 1024, rel=0.3)


ZERO = st.builds(
    DeepSpeed,
    stage=st.sampled_from([1, 2, 3]),
    offload_optimizer=st.sampled_from([None, CpuOffload()]),
    bucket_mib=st.integers(1, 500),
)
FSDP = st.builds(
    Fsdp,
    sharding=st.sampled_from(["full", "shard_grad_op", "hybrid"]),
    prefetch_forward=st.integers(0, 4),
    prefetch_backward=st.integers(0, 4),
    cpu_offload=st.booleans(),
    accumulate=st.sampled_from(["sharded", "whole"]),
)
PARALLEL = st.builds(
    ModelParallel,
    tensor=st.sampled_from([2, 4]),
    context=st.sampled_from([1, 2]),
    pipeline=st.sampled_from([None, Pipeline(stages=2, micro_batches=2), Pipeline(stages=4, micro_batches=4),
                              Pipeline(stages=2, micro_batches=4, schedule="interleaved")]),
    data=st.sampled_from([Ddp(), Fsdp(), Fsdp(sharding="shard_grad_op")]),
)  # fmt: skip
OTHERS = st.sampled_from(
    [Ddp(), SageMakerDataParallel(), Mpi(), Horovod(), SageMakerModelParallel(),
     DeepSpeed(stage=3, offload_optimizer=NvmeOffload(), offload_parameters=CpuOffload())]
)  # fmt: skip
STRATEGIES = ZERO | FSDP | PARALLEL | OTHERS
FIELDS = st.fixed_dictionaries(
    {
        "precision": st.builds(
            Precision,
            compute=st.sampled_from(["float32", "bfloat16", "float16", "float8"]),
            reduce=st.sampled_from(["float32", "bfloat16"]),
        ),
        "activation_checkpointing": st.sampled_from(["none", "selective", "full"]),
        "global_batch_size": st.sampled_from([256, 512]),
        "micro_batch_size": st.sampled_from([None, 4]),
    }
)


@given(STRATEGIES, FIELDS)
def test_nothing_is_negative(strategy: ParallelStrategy, fields: dict[str, object]) -> None:
    found = memory(run(strategy, **fields), world(4, 8))
    assert all(need.bytes >= 0 for need in found.needs)
    assert found.total("device") > 0


@given(ZERO | FSDP | OTHERS, FIELDS)
def test_more_ranks_never_cost_memory(strategy: ParallelStrategy, fields: dict[str, object]) -> None:
    before, after = (memory(run(strategy, **fields), world(hosts, 8)) for hosts in (2, 4))
    assert after.total("device") <= before.total("device")
    assert after.total("host") <= before.total("host")


@given(FIELDS, st.sampled_from([2, 8, 64]))
def test_each_stage_takes_less_than_the_one_before(fields: dict[str, object], ranks: int) -> None:
    strategies = (Ddp(), DeepSpeed(stage=1), DeepSpeed(stage=2), DeepSpeed(stage=3))
    sizes = [states(memory(run(strategy, **fields | {"micro_batch_size": None}), world(1, ranks)))
             for strategy in strategies]  # fmt: skip
    assert sizes == sorted(sizes, reverse=True)


@given(STRATEGIES, FIELDS)
def test_what_is_computed_again_is_not_kept(strategy: ParallelStrategy, fields: dict[str, object]) -> None:
    modes = ("full", "selective", "none")
    sizes = [memory(run(strategy, **fields | {"activation_checkpointing": mode}), world(4, 8)).total("device")
             for mode in modes]  # fmt: skip
    assert sizes == sorted(sizes)


@given(STRATEGIES, FIELDS)
def test_a_larger_batch_never_takes_less(strategy: ParallelStrategy, fields: dict[str, object]) -> None:
    fields["global_batch_size"] = 1024
    small, large = (memory(run(strategy, **fields | {"micro_batch_size": size}), world(4, 8)) for size in (4, 8))
    assert small.total("device") <= large.total("device")


@given(STRATEGIES, FIELDS)
def test_the_words_name_every_item(strategy: ParallelStrategy, fields: dict[str, object]) -> None:
    found = memory(run(strategy, **fields), world(4, 8))
    said = found.words("device", "host", "disk")
    assert all(need.what in said for need in found.needs if need.bytes)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("less", "more"),
    [
        (Fsdp(), Fsdp(sharding="shard_grad_op")),
        (Fsdp(), Fsdp(sharding="hybrid")),
        (Fsdp(), Fsdp(prefetch_backward=3)),
        (Fsdp(), Fsdp(accumulate="whole")),
        (Fsdp(cpu_offload=True), Fsdp()),
        (Fsdp(), Ddp()),
        (DeepSpeed(stage=2, offload_optimizer=CpuOffload()), DeepSpeed(stage=2)),
        (DeepSpeed(stage=3, offload_parameters=CpuOffload()), DeepSpeed(stage=3)),
        (ModelParallel(tensor=4, data=Fsdp()), ModelParallel(tensor=2, data=Fsdp())),
        (ModelParallel(context=2, data=Fsdp()), ModelParallel(context=2, data=Ddp())),
        (Fsdp(sharding="hybrid"), Ddp()),
        (SageMakerModelParallel(), SageMakerModelParallel(hybrid_shard_degree=8)),
    ],
    ids=str,
)  # fmt: skip
def test_options_save_what_they_are_for(less: ParallelStrategy, more: ParallelStrategy) -> None:
    found = [memory(run(strategy, micro_batch_size=1), world(4, 8)).total("device") for strategy in (less, more)]
    assert found[0] < found[1]


@pytest.mark.parametrize(
    ("strategy", "share"),
    [
        (ModelParallel(tensor=2, data=Ddp()), 0.5),
        (ModelParallel(context=2, data=Ddp()), 0.5),
        (ModelParallel(tensor=2, context=2, data=Ddp()), 0.25),
    ],
    ids=["tensor", "context", "both"],
)
def test_model_parallel_divides_activations_but_for_what_ranks_gather(strategy: ModelParallel, share: float) -> None:
    whole, divided = (memory(run(kind, micro_batch_size=1), world(4, 8)).item("activations")
                      for kind in (Fsdp(), strategy))  # fmt: skip
    assert share * whole < divided < (share + 0.15) * whole


def test_what_is_offloaded_is_on_the_host() -> None:
    found = memory(run(Fsdp(cpu_offload=True)), world(1, 8))
    assert {need.place for need in found.needs if need.what == "optimiser state"} == {"host"}


def test_what_is_offloaded_to_nvme_is_on_disk() -> None:
    found = memory(run(DeepSpeed(stage=3, offload_optimizer=NvmeOffload())), world(1, 8))
    # Values and two moments, and gradients until the update.
    assert found.total("disk") == (12 + 4) * LLAMA.size.parameters // 8
    # A checkpoint is read from there before it is copied.
    assert found.item("state read for a checkpoint") == 12 * LLAMA.size.parameters // 8


def test_gradients_that_add_up_are_divided_unless_they_are_to_be_whole() -> None:
    divided, whole = (memory(run(Fsdp(accumulate=kind), micro_batch_size=8), world(1, 8))
                      for kind in ("sharded", "whole"))  # fmt: skip
    assert whole.item("gradients that add up") == 4 * LLAMA.size.parameters
    assert divided.item("gradients that add up") == 0
    # A rank's part is there from the second micro-batch on, beside its activations.
    assert {need.when for need in divided.needs if need.what == "gradients"} == {"always"}
    assert {need.when for need in whole.needs if need.what == "gradients"} == {"end"}


def test_ddp_in_float32_makes_no_copies() -> None:
    assert memory(run(Ddp(), precision=Precision()), world(1, 8)).item("copies in the compute format") == 0


def test_an_unfused_update_has_copies() -> None:
    optimizer = AdamW(learning_rate=1e-3, fused=False)
    assert memory(run(Fsdp(), optimizer=optimizer), world(1, 8)).item("the update's copies") > 0


@pytest.mark.parametrize(
    ("pipeline", "first", "last"),
    [
        (Pipeline(stages=4, micro_batches=8), 4, 1),
        # torch's schedule forwards 11 micro-batches through one of two chunks of the first rank: 5.5 of both.
        (Pipeline(stages=4, micro_batches=8, schedule="interleaved"), 6, 3),
        (Pipeline(stages=2, micro_batches=2), 2, 1),
    ],
    ids=["1f1b", "interleaved", "short"],
)
def test_stages_keep_as_many_micro_batches_as_their_schedule_has_under_way(
    pipeline: Pipeline, first: int, last: int
) -> None:  # fmt: skip
    it = run(ModelParallel(pipeline=pipeline, data=Ddp()))
    assert [part.in_flight for part in parts(it, it.bind(world(4, 8)))] == [first, last]


def test_a_pipeline_holds_all_parameters_once() -> None:
    it = run(ModelParallel(pipeline=Pipeline(stages=2, micro_batches=2), data=Ddp()))
    assert sum(part.parameters for part in parts(it, it.bind(world(4, 8)))) == LLAMA.size.parameters


def test_a_copy_for_the_checkpoint_waits_on_the_host_only_if_training_goes_on() -> None:
    sync = run(Fsdp(), checkpointing=Checkpointing(mode="sync"))
    assert memory(sync, world(1, 8)).total("host") == 0
    copy = 12 * LLAMA.size.parameters // 8
    assert memory(run(Fsdp()), world(1, 8)).total("host") == copy
    tiers = run(Fsdp(), checkpointing=Checkpointing(memory=MemoryTier(every_steps=10)))
    assert memory(tiers, world(1, 8)).total("host") == 2 * copy


def test_scores_of_some_tokens_take_as_much_as_those() -> None:
    it = run(Ddp(), ARR_COC_2B, global_batch_size=8)
    found = memory(it, world(1, 8)).item("scores and loss")
    # In bfloat16: a score and its gradient of 2 bytes each, and 8 bytes while the loss is computed.
    assert found == ARR_COC_2B.text_length * ARR_COC_2B.language.vocabulary * 12


def test_activations_that_a_workload_has_counted_are_a_batch_of_them() -> None:
    found = memory(run(Ddp(), Digits()), ONE)
    assert found.unknown == ()
    assert found.item("activations") == run(Ddp(), Digits()).global_batch_size * Digits().size.kept * 4


def test_activations_that_nobody_can_estimate_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    uncounted = dataclasses.replace(Digits().size, kept=0)
    monkeypatch.setattr(Digits, "size", uncounted)
    assert memory(run(Ddp(), Digits()), ONE).unknown == ("activations",)
