"""The exported graph as its users see it: names and types."""

from __future__ import annotations

from ml_contract.signature import DType, ModelSignature, Tensor
from ml_contract.workloads.digits import CLASSES, SIDE

INPUT, OUTPUT = "pixels", "logits"
MAX_BATCH_SIZE = 64
"""Largest batch that serving may form; the graph itself takes any."""


def signature() -> ModelSignature:
    """What the graph takes, pixels of 0 to 16 as they are in the data, and gives, a score for each digit."""
    return ModelSignature(
        inputs=(Tensor(name=INPUT, dtype=DType.UINT8, shape=(SIDE, SIDE)),),
        outputs=(Tensor(name=OUTPUT, dtype=DType.FP32, shape=(CLASSES,)),),
        max_batch_size=MAX_BATCH_SIZE,
    )
