"""A run crosses the wall unchanged, and what does not fit is refused before anything starts."""

import dataclasses
from typing import Any

import pytest

from ml_contract.errors import ContractError
from ml_contract.hyperparameters import decode, encode
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Cosine, Wsd
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import CpuOffload, Ddp, DeepSpeed, Fsdp, ModelParallel, NvmeOffload, Pipeline
from ml_contract.workloads import BytesLm, Digits

RUN = TrainingRun(workload=BytesLm(), optimizer=AdamW(learning_rate=1e-3), global_batch_size=32, steps=100)
TWO = World(hosts=2, ranks_per_host=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": Ddp(bucket_mib=50)},
        {"strategy": Fsdp(sharding="hybrid", prefetch_forward=2)},
        {"strategy": ModelParallel(tensor=2, pipeline=Pipeline(stages=2, micro_batches=4), data=Fsdp())},
        {"strategy": DeepSpeed(stage=3, offload_optimizer=NvmeOffload(), offload_parameters=CpuOffload())},
        {"strategy": SageMakerModelParallel(hybrid_shard_degree=8)},
        {"schedule": Wsd(warmup_steps=3, decay_steps=10)},
        {"workload": Digits(channels=8)},
        {"steps": None, "epochs": 10},
    ],
)
def test_what_is_encoded_is_decoded(changes: dict[str, Any]) -> None:
    run = dataclasses.replace(RUN, **changes)
    encoded = encode(run)
    assert all(isinstance(value, str) for value in encoded.values())
    assert decode(TrainingRun, encoded) == run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 3}, r"steps: got 100, but either steps or epochs is given"),
        ({"steps": None}, r"steps: got None, but either"),
        ({"schedule": Cosine(warmup_steps=100)}, r"schedule.warmup_steps: got 100"),
        ({"seed": -1}, r"seed: got -1"),
        ({"micro_batch_size": 0}, r"micro_batch_size: got 0"),
    ],
)
def test_a_run_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=rf"^{message}"):
        dataclasses.replace(RUN, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"global_batch_size": 33}, r"global_batch_size: got 33, but it must be .* ranks that load data \(2\)"),
        ({"micro_batch_size": 5}, r"micro_batch_size: got 5, but it must divide"),
        ({"strategy": ModelParallel(context=3)}, r"context: got 3, but it must divide the ranks left by tensor \(2\)"),
        ({"strategy": ModelParallel(tensor=2)}, r"tensor: got 2, but a host has 1 ranks"),
        ({"strategy": ModelParallel(pipeline=Pipeline(stages=2, micro_batches=3))}, r"pipeline.micro_batches: got 3"),
        ({"workload": Digits(), "strategy": ModelParallel(pipeline=Pipeline(stages=2, micro_batches=2))},
         r"strategy.pipeline: got 2, but the workload digits cannot be divided so"),
    ],
)  # fmt: skip
def test_a_run_that_does_not_fit_its_world_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=rf"^{message}"):
        dataclasses.replace(RUN, **changes).bind(TWO)


def test_a_batch_is_divided_over_data_ranks_and_passes() -> None:
    run = dataclasses.replace(RUN, strategy=Ddp(), micro_batch_size=4)
    layout = run.bind(TWO)
    assert run.batching(layout) == (4, 4)


def test_hyperparameters_say_where_in_a_value_the_error_is() -> None:
    encoded = encode(RUN) | {"strategy": '{"kind": "model_parallel", "data": {"kind": "fsdp", "sharding": "half"}}'}
    with pytest.raises(ContractError, match=r"^strategy.data.sharding: got 'half', but it must be one of 'full'"):
        decode(TrainingRun, encoded)
