"""The exported graph as its users see it: names and types."""

from __future__ import annotations

from ml_contract.signature import DType, ModelSignature, Tensor
from ml_contract.workloads.bytes_lm import VOCABULARY

INPUT, OUTPUT = "tokens", "logits"
MAX_BATCH_SIZE = 16
"""Largest batch that serving may form; the graph itself takes any."""


def signature() -> ModelSignature:
    """What the graph takes and gives, for any batch and sequence length."""
    return ModelSignature(
        inputs=(Tensor(name=INPUT, dtype=DType.INT64, shape=(-1,)),),
        outputs=(Tensor(name=OUTPUT, dtype=DType.FP32, shape=(-1, VOCABULARY)),),
        max_batch_size=MAX_BATCH_SIZE,
    )
