"""The order of samples: a function of the seed alone, in which every position belongs to exactly one rank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_contract.errors import reject


class SampleOrder:
    """Batches of one data rank out of an endless order: epoch after epoch, each a permutation of its own.

    Position ``p`` of the order is sample ``permutation(seed, p // samples)[p % samples]``. A step of all data ranks
    takes the next ``batch_size * world_size`` positions, each rank a contiguous part of its own, so the number of
    positions taken is all the state there is, the same on every rank and for every world size. Ranks that share samples
    (a tensor or pipeline group) give the same ``rank``.
    """

    def __init__(self, *, samples: int, batch_size: int, rank: int, world_size: int, seed: int) -> None:
        """
        Args:
            samples: Samples of the data set.
            batch_size: Samples of one data rank a step.
            rank: Data rank.
            world_size: Data ranks.
            seed: Of the permutations.

        Raises:
            ContractError: There is no sample.
        """
        if samples < 1:
            reject("train data", f"{samples} samples", "there must be at least one",
                   "Prepare more data; of text, a sample takes sequence_length + 1 tokens.")  # fmt: skip
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
            batch = self.batch(self.taken)
            self.taken += self.stride
            yield batch

    def batch(self, taken: int, first: int = 0, length: int | None = None) -> list[int]:
        """Samples of this rank in the step that starts when all ranks together have taken ``taken`` positions.

        Args:
            taken: Position at which the step starts.
            first: Leaves out those before it.
            length: How many; None takes all that are left.
        """
        start = taken + self.rank * self.batch_size + first
        length = self.batch_size - first if length is None else length
        return [self.sample(position) for position in range(start, start + length)]

    def sample(self, position: int) -> int:
        """Index of the sample at a position of the order."""
        epoch, index = divmod(position, self.samples)
        return int(_permutation(self.samples, self.seed, epoch)[index])

    def state_dict(self) -> dict[str, Any]:
        return {"taken": self.taken}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.taken = state_dict["taken"]


def steps_of(samples: int, global_batch: int, epochs: int) -> int:
    """Steps that take every sample ``epochs`` times; the last one is filled up from the epoch after them."""
    return -(-samples * epochs // global_batch)


@lru_cache(maxsize=2)
def _permutation(samples: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    return np.random.Generator(np.random.PCG64([seed, epoch])).permutation(samples)
