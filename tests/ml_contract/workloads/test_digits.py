"""The classifier of digits: what it cannot be divided by, and what its options refuse."""

from collections.abc import Callable

import pytest

from ml_contract.errors import ContractError
from ml_contract.hyperparameters import decode, encode
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import Strategy, TrainingRun
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel, Pipeline
from ml_contract.workloads.digits import Digits, EvaluateOptions, PrepareOptions

WORLD = World(hosts=1, ranks_per_host=2)


def run(strategy: Strategy) -> TrainingRun:
    return TrainingRun(
        workload=Digits(), strategy=strategy, optimizer=AdamW(learning_rate=1e-3), global_batch_size=8, epochs=1
    )  # fmt: skip


@pytest.mark.parametrize("strategy", [Ddp(), Fsdp(), Fsdp(sharding="shard_grad_op"), DeepSpeed(stage=3)])
def test_samples_may_be_divided_in_every_way(strategy: Strategy) -> None:
    assert run(strategy).bind(WORLD).data == 2


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (ModelParallel(tensor=2), "strategy.tensor: got 2, but the workload digits cannot be divided so. Take Ddp()"),
        (ModelParallel(context=2), "strategy.context: got 2, but the workload digits cannot be divided so"),
        (
            ModelParallel(pipeline=Pipeline(stages=2, micro_batches=2)),
            "strategy.pipeline: got 2, but the workload digits cannot be divided so",
        ),
    ],
)
def test_the_model_may_not_be_divided(strategy: Strategy, message: str) -> None:
    with pytest.raises(ContractError) as refused:
        run(strategy).bind(WORLD)
    assert str(refused.value).startswith(message)


def test_a_run_crosses_the_wall_with_its_shape() -> None:
    sent = TrainingRun(
        workload=Digits(channels=8), optimizer=AdamW(learning_rate=1e-3), global_batch_size=1, steps=1
    )  # fmt: skip
    assert decode(TrainingRun, encode(sent)) == sent


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Digits(channels=0), "channels: got 0, but it must be at least 1"),
        (lambda: Digits(hidden=0), "hidden: got 0, but it must be at least 1"),
        (lambda: PrepareOptions(heldout_fraction=0.001), "heldout_fraction: got 0.001, but it must be between 0.01"),
        (lambda: PrepareOptions(heldout_fraction=0.6), "heldout_fraction: got 0.6, but it must be between 0.01"),
        (lambda: PrepareOptions(shard_images=0), "shard_images: got 0, but it must be between 1"),
        (lambda: PrepareOptions(seed=-1), "seed: got -1, but it must be between 0"),
        (lambda: EvaluateOptions(batch_size=0), "batch_size: got 0, but it must be at least 1"),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ContractError) as refused:
        build()
    assert str(refused.value).startswith(message)
