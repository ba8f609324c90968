"""The shapes of arr-coc: budgets that make sense, figures that add up, the mission's recipe."""

from dataclasses import replace

import pytest

from ml_contract.errors import ContractError
from ml_contract.hyperparameters import decode, encode
from ml_contract.recipes import ARR_COC, ARR_COC_INSTANCE_COUNT, ARR_COC_INSTANCE_TYPE
from ml_contract.sizing.memory import memory
from ml_contract.training.aws_strategies import Horovod, Mpi, SageMakerDataParallel, SageMakerModelParallel
from ml_contract.training.layout import World
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel, ParallelStrategy, Pipeline
from ml_contract.workloads.arr_coc import ARR_COC_2B, ARR_COC_TINY, Relevance

WORLD = World.of(ARR_COC_INSTANCE_TYPE, ARR_COC_INSTANCE_COUNT)


def test_the_2b_shape_needs_30_gb_of_weights_and_optimiser() -> None:
    # 2 bytes a weight and 12 of optimiser, as in the guide's row of a 2B model.
    assert round(14 * ARR_COC_2B.size.parameters / 1e9) == 30
    assert ARR_COC_2B.base_parameters == 2_127_532_032


@pytest.mark.parametrize(
    ("field", "value"),
    [("budget_low", 65), ("budget_high", 49), ("budget_total", 12_799), ("budget_total", 80_001), ("patches", 1025),
     ("side", 2000), ("window", 33)],
)  # fmt: skip
def test_a_budget_or_grid_that_cannot_be_is_refused_by_name(field: str, value: int) -> None:
    with pytest.raises(ContractError) as refused:
        replace(Relevance(), **{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(("share", "steps", "expected"), [(0, 10, 0), (0.1, 39, 3), (0.3, 10, 3), (1, 7, 7)])
def test_the_heads_learn_alone_for_their_share(share: float, steps: int, expected: int) -> None:
    assert replace(ARR_COC_TINY, head_share=share).head_steps(steps) == expected


def test_the_recipe_crosses_the_wall_unchanged() -> None:
    assert decode(TrainingRun, encode(ARR_COC)) == ARR_COC


def test_the_recipe_fits_its_gpus() -> None:
    assert WORLD.size == 8
    assert memory(ARR_COC, WORLD).total("device") < 36 * 2**30


def test_a_base_that_is_held_still_at_first_is_no_work_for_zero() -> None:
    with pytest.raises(ContractError) as refused:
        replace(ARR_COC, strategy=DeepSpeed(stage=2))
    assert refused.value.field == "strategy"
    assert str(refused.value).startswith(
        "strategy: got 'deepspeed, stage 2', but the workload arr_coc holds parts still"
    )
    assert refused.value.way_out.startswith("Take Fsdp()")
    assert refused.value.way_out.endswith("workload.head_share=0.")
    with pytest.raises(ContractError, match="holds parts still for some steps, which the flat parameters"):
        replace(ARR_COC, strategy=SageMakerModelParallel())
    # The ways out, and what updates only what has a gradient.
    replace(ARR_COC, strategy=DeepSpeed(stage=2), workload=replace(ARR_COC_2B, head_share=0))
    for strategy in (Ddp(), Fsdp(), Mpi(), Horovod(), SageMakerDataParallel()):
        replace(ARR_COC, strategy=strategy).bind(WORLD)


@pytest.mark.parametrize(
    ("strategy", "field"),
    [
        (ModelParallel(tensor=2, data=Fsdp()), "strategy.tensor"),
        (ModelParallel(context=2, data=Fsdp()), "strategy.context"),
        (ModelParallel(pipeline=Pipeline(stages=2, micro_batches=2), data=Fsdp()), "strategy.pipeline"),
    ],
)
def test_a_model_that_nothing_divides_is_refused_in_its_world(strategy: ParallelStrategy, field: str) -> None:
    run = replace(ARR_COC, strategy=strategy, micro_batch_size=None)
    with pytest.raises(ContractError, match="the workload arr_coc cannot be divided so") as refused:
        run.bind(WORLD)
    assert refused.value.field == field
