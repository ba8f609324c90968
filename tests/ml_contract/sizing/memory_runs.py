"""Runs whose memory is estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_contract.sizing.needs import Memory
from ml_contract.training.aws_strategies import SageMakerModelParallel
from ml_contract.training.layout import World
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import DeepSpeed, ParallelStrategy
from ml_contract.workloads import Digits, Llama, ModelSize, WorkloadOptions

BF16 = Precision(compute="bfloat16")
ONE = World(hosts=1, ranks_per_host=1)
LLAMA = Llama(vocabulary=32000, hidden=1024, intermediate=2816, layers=8, heads=16, kv_heads=16, sequence_length=512)


@dataclass(frozen=True, kw_only=True)
class Plain(Digits):
    """So many parameters, and nothing else that is known."""

    parameters: int

    @property
    def size(self) -> ModelSize:
        return ModelSize(parameters=self.parameters, blocks=1, block_parameters=self.parameters, hidden=0, heads=0,
                         tokens=1, vocabulary=1)  # fmt: skip


def run(strategy: ParallelStrategy, workload: WorkloadOptions = LLAMA, **fields: object) -> TrainingRun:
    given: dict[str, Any] = {
        "optimizer": AdamW(learning_rate=1e-3), "steps": 1, "global_batch_size": 256, "precision": BF16, **fields
    }  # fmt: skip
    if isinstance(strategy, DeepSpeed | SageMakerModelParallel) and given["precision"].compute == "float8":
        given["precision"] = BF16  # the two are refused together
    return TrainingRun(workload=workload, strategy=strategy, **given)


def world(hosts: int, ranks: int) -> World:
    return World(hosts=hosts, ranks_per_host=ranks)


def states(found: Memory) -> int:
    return sum(found.item(what) for what in ("parameters", "gradients", "optimiser state"))
