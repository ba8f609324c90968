"""The classifier as a portable graph of any batch."""

from __future__ import annotations

import torch

from ml_contract.workloads.digits import SIDE
from training_code.workloads.digits.data import INK
from training_code.workloads.digits.graph import MAX_BATCH_SIZE, signature
from training_code.workloads.portable import Portable


def portable() -> Portable:
    """How the model is exported, checked with batches other than the example's."""
    generator = torch.Generator().manual_seed(0)
    return Portable(
        signature=signature(),
        example=(torch.zeros((2, SIDE, SIDE), dtype=torch.uint8),),
        dynamic=({0: "batch"},),
        checks=[
            (torch.randint(0, INK + 1, (batch, SIDE, SIDE), generator=generator, dtype=torch.uint8),)
            for batch in (1, 3, MAX_BATCH_SIZE)
        ],
    )
