"""What strategies of AWS's images refuse before anything is deployed."""

import dataclasses
from typing import Any

import pytest

from ml_contract.errors import ContractError
from ml_contract.training.aws_strategies import SageMakerModelParallel, TrainingCompiler
from ml_contract.training.layout import Layout, World
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.workloads import BytesLm, Llama
from ml_contract.workloads.llama import LLAMA_TINY, MIXTRAL_TINY

WORLD = World(hosts=4, ranks_per_host=8)
RUN = TrainingRun(workload=BytesLm(), strategy=SageMakerModelParallel(), optimizer=AdamW(learning_rate=1e-3), steps=9,
                  global_batch_size=32)  # fmt: skip

TENSOR, EXPERT = SageMakerModelParallel(tensor=2), SageMakerModelParallel(expert=2)


@pytest.mark.parametrize(
    ("strategy", "layout"),
    [
        (SageMakerModelParallel(), Layout(shard=32)),
        (SageMakerModelParallel(hybrid_shard_degree=8), Layout(replicate=4, shard=8)),
        (SageMakerModelParallel(tensor=4), Layout(shard=8, tensor=4)),
        (SageMakerModelParallel(hybrid_shard_degree=8, context=2), Layout(replicate=4, shard=4, context=2)),
        (SageMakerModelParallel(expert=4), Layout(replicate=4, shard=8)),
        (SageMakerModelParallel(hybrid_shard_degree=4, expert=2), Layout(replicate=8, shard=4)),
    ],
    ids=str,
)
def test_smp_counts_sharers_of_a_sequence_among_the_shards(strategy: SageMakerModelParallel, layout: Layout) -> None:
    assert strategy.layout(WORLD) == layout
    assert layout.size == WORLD.size


@pytest.mark.parametrize(
    ("degrees", "message"),
    [
        ({"hybrid_shard_degree": 3}, r"hybrid_shard_degree: got 3, but it must divide the ranks left by tensor"),
        ({"hybrid_shard_degree": 16, "expert": 4}, r"hybrid_shard_degree: got 16, but it must divide .*\(8\)"),
        ({"hybrid_shard_degree": 4, "context": 8}, r"context: got 8, but it must divide the ranks that share"),
        ({"tensor": 16}, r"tensor: got 16, but a host has 8 ranks"),
        ({"expert": 5}, r"expert: got 5, but it must divide"),
    ],
)
def test_degrees_that_do_not_divide_the_world_are_refused(degrees: dict[str, int], message: str) -> None:
    with pytest.raises(ContractError, match=rf"^{message}"):
        SageMakerModelParallel(**degrees).layout(WORLD)


def test_smp_has_nothing_to_divide_among_one_rank() -> None:
    with pytest.raises(ContractError, match=r"^hybrid_shard_degree: got 1, .*Ddp\(\)"):
        SageMakerModelParallel().layout(World(hosts=1, ranks_per_host=1))
    with pytest.raises(ContractError, match=r"^hybrid_shard_degree: got 1, .*Ddp\(\)"):
        SageMakerModelParallel(hybrid_shard_degree=1)
    with pytest.raises(ContractError, match=r"^hybrid_shard_degree: got 1, but tensor and expert leave one rank"):
        SageMakerModelParallel(tensor=8).layout(World(hosts=1, ranks_per_host=8))


def test_smp_has_no_experts_beside_divided_matrices() -> None:
    with pytest.raises(ContractError, match=r"^expert: got 2, .*tensor \(2\). Leave one of them out"):
        SageMakerModelParallel(tensor=2, expert=2)


def test_degrees_of_smp_need_transformers_in_the_image() -> None:
    assert SageMakerModelParallel().modules == ("torch.sagemaker",)
    assert {"torch.sagemaker", "transformers", "accelerate"} == {*TENSOR.modules}


@pytest.mark.parametrize(("strategy", "workload"), [(TENSOR, LLAMA_TINY), (EXPERT, MIXTRAL_TINY)])
def test_what_smp_divides_passes(strategy: SageMakerModelParallel, workload: Llama) -> None:
    run = dataclasses.replace(RUN, strategy=strategy, workload=workload, activation_checkpointing="full")
    assert run.bind(WORLD).data == 16 * strategy.expert


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": TENSOR}, r"strategy.tensor: got 2, .*transform.*bytes_lm is none of them.*ModelParallel\("),
        ({"strategy": SageMakerModelParallel(context=2)}, r"strategy.context: got 2, .*transform.*ModelParallel\("),
        ({"strategy": EXPERT}, r"strategy.expert: got 2, .*transform"),
        ({"strategy": EXPERT, "workload": LLAMA_TINY}, r"strategy.expert: got 2, .*no experts. Give workload.experts"),
        ({"strategy": SageMakerModelParallel(expert=3), "workload": MIXTRAL_TINY},
         r"strategy.expert: got 3, but it must divide experts \(4\)"),
        ({"strategy": TENSOR, "workload": MIXTRAL_TINY}, r"strategy.tensor: got 2, .*\(4\) is divided by expert alone"),
        ({"strategy": TENSOR, "workload": dataclasses.replace(LLAMA_TINY, tied=True)},
         r"workload.tied: got True, .*Give tied=False, or take ModelParallel\("),
        ({"strategy": TENSOR, "workload": LLAMA_TINY, "activation_checkpointing": "selective"},
         r"activation_checkpointing: got 'selective', .*\"full\" or \"none\""),
        ({"strategy": TENSOR, "workload": LLAMA_TINY, "compile_blocks": True}, r"compile_blocks: got True, .*Leave"),
        ({"precision": Precision(compute="float8")}, r"precision.compute: got 'float8', .*Transformer Engine.*Fsdp\("),
        ({"strategy": SageMakerModelParallel(activation_offloading=True)},
         r"strategy.activation_offloading: got True, .*activation_checkpointing=\"full\""),
        ({"strategy": SageMakerModelParallel(activation_offloading=True), "activation_checkpointing": "full",
          "compile_blocks": True}, r"compile_blocks: got True, .*Leave"),
    ],
)  # fmt: skip
def test_what_smp_does_not_do_with_a_workload_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=rf"^{message}"):
        dataclasses.replace(RUN, **changes)


def test_the_training_compiler_is_refused_with_the_way_out() -> None:
    with pytest.raises(ContractError, match=r"^strategy: got 'TrainingCompiler', .*has ended.*compile_blocks=True"):
        TrainingCompiler()
