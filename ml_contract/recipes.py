"""Runs that are ready to be taken into an environment."""

from __future__ import annotations

from dataclasses import replace

from ml_contract.training.optimization import AdamW, Cosine, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Loading
from ml_contract.workloads.arr_coc import ARR_COC_2B

ARR_COC_INSTANCE_TYPE, ARR_COC_INSTANCE_COUNT = "ml.p4d.24xlarge", 1
"""Where :data:`ARR_COC` runs, on spot capacity: eight GPUs of 40 GB."""

ARR_COC = TrainingRun(
    workload=replace(ARR_COC_2B, graph=True),
    strategy=Fsdp(sharding="shard_grad_op"),
    optimizer=AdamW(learning_rate=3e-4),
    schedule=Cosine(),
    global_batch_size=32,
    # An image is 25,600 tokens: one a forward pass, and blocks that compute their activations again.
    micro_batch_size=1,
    epochs=10,
    precision=Precision(compute="bfloat16"),
    activation_checkpointing="full",
    loading=Loading(workers=4),
)
"""arr-coc-0-1 on Qwen3-VL-2B."""
