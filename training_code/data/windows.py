"""Samples of a language model: windows of a text, one beside the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.utils.data import Dataset

from training_code.data.tokens import TokenShards


class Windows(Dataset[torch.Tensor]):
    """Sample ``i`` is tokens ``i * length … (i + 1) * length`` and one more: inputs and targets, shifted by one."""

    def __init__(self, shards: TokenShards, length: int) -> None:
        self.shards, self.length = shards, length

    @property
    def digest(self) -> str:
        """Of all content, in order."""
        return self.shards.digest

    def __len__(self) -> int:
        return max(0, (len(self.shards) - 1) // self.length)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Tokens of shape [length + 1]: uint8 as it is stored, wider ones as int64, which every operation takes."""
        tokens = self.shards.read(index * self.length, self.length + 1)
        return torch.from_numpy(tokens if tokens.dtype.itemsize == 1 else tokens.astype("int64"))

    def ahead(self, indices: Sequence[int]) -> None:
        """Told of samples that will be read soon."""
        self.shards.ahead([(index * self.length, self.length + 1) for index in indices])
