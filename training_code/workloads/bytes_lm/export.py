"""The byte model as a portable graph of any batch and sequence."""

from __future__ import annotations

import torch

from ml_contract.workloads.bytes_lm import VOCABULARY, BytesLm
from training_code.workloads.bytes_lm.graph import MAX_BATCH_SIZE, signature
from training_code.workloads.portable import Portable


def portable(options: BytesLm) -> Portable:
    """How the model is exported, checked with batches and lengths other than the example's."""
    length, generator = options.sequence_length, torch.Generator().manual_seed(0)
    shapes = ((1, 1), (1, length), (3, length // 2 + 1), (MAX_BATCH_SIZE, min(length, 17)))
    return Portable(
        signature=signature(),
        example=(torch.zeros((2, length), dtype=torch.int64),),
        dynamic=({0: "batch", 1: "sequence"},),
        checks=[(torch.randint(0, VOCABULARY, shape, generator=generator),) for shape in shapes],
    )
