"""Samples out of a stream of tokens."""

from __future__ import annotations

import torch
from torch.utils.data import Dataset

from training_code.data.shards import ByteShards


class Windows(Dataset[torch.Tensor]):
    """Sample ``i`` is tokens ``i * length … (i + 1) * length`` and one more: inputs and targets, shifted by one."""

    def __init__(self, shards: ByteShards, length: int) -> None:
        self.shards, self.length = shards, length

    @property
    def digest(self) -> str:
        """Of all content, in order."""
        return self.shards.digest

    def __len__(self) -> int:
        return max(0, (len(self.shards) - 1) // self.length)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Tokens, of shape [length + 1]."""
        return torch.from_numpy(self.shards.read(index * self.length, self.length + 1))
