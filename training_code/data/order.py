"""The order of samples: a function of the seed alone, in which every position belongs to exactly one rank."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_contract.errors import reject


class SampleOrder:
    """Batches of one rank out of an endless order: epoch after epoch, each a permutation of its own.

    Position ``p`` of the order is sample ``permutation(seed, p // samples)[p % samples]``. A step of all ranks takes
    the next ``batch_size * world_size`` positions, each rank a part of its own, so the number of positions taken is all
    the state there is, the same on every rank and for every world size.
    """

    def __init__(self, *, samples: int, batch_size: int, rank: int, world_size: int, seed: int) -> None:
        if samples < 1:
            reject("train data", f"{samples} samples", "there must be at least one sample of sequence_length + 1 bytes",
                   "Prepare more data, or shorten sequence_length.")  # fmt: skip
        assert 0 <= rank < world_size
        self.samples, self.batch_size, self.rank, self.world_size = samples, batch_size, rank, world_size
        self.seed = seed
        self.taken = 0
        """Positions that all ranks together have taken."""

    @property
    def stride(self) -> int:
        """Positions that one step of all ranks takes."""
        return self.batch_size * self.world_size

    def __iter__(self) -> Iterator[list[int]]:
        while True:
            start = self.taken + self.rank * self.batch_size
            batch = [self.sample(position) for position in range(start, start + self.batch_size)]
            self.taken += self.stride
            yield batch

    def sample(self, position: int) -> int:
        """Index of the sample at a position of the order."""
        epoch, index = divmod(position, self.samples)
        return int(_permutation(self.samples, self.seed, epoch)[index])

    def state_dict(self) -> dict[str, Any]:
        return {"taken": self.taken}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.taken = state_dict["taken"]


@lru_cache(maxsize=2)
def _permutation(samples: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(samples)
