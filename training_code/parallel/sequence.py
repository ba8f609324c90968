"""Which part of a sequence a rank has, where several share it.

A causal mask makes late positions dearer than early ones. So the sequence is cut into twice as many chunks as there are
ranks, and rank r takes chunks r and 2 n - 1 - r: together they see the same number of keys on every rank.
"""

from __future__ import annotations

import torch
from torch import Tensor


def positions(length: int, rank: int, size: int) -> Tensor:
    """Positions of a sequence of ``length`` that a rank has, int64 of shape [length / size], in rising order."""
    chunks = torch.arange(length).chunk(2 * size)
    return torch.cat((chunks[rank], chunks[2 * size - 1 - rank]))
