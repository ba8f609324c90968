"""A loader of windows of bytes whose position is part of a checkpoint."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Dataset
from torchdata.stateful_dataloader import StatefulDataLoader

from training_code.data.order import SampleOrder
from training_code.data.shards import ByteShards


class Windows(Dataset[torch.Tensor]):
    """Sample ``i`` is bytes ``i * length … (i + 1) * length`` and one more: inputs and targets, shifted by one."""

    def __init__(self, shards: ByteShards, length: int) -> None:
        self.shards, self.length = shards, length

    def __len__(self) -> int:
        return max(0, (len(self.shards) - 1) // self.length)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Tokens, uint8 of shape [length + 1]."""
        return torch.from_numpy(self.shards.read(index * self.length, self.length + 1))


class Loader:
    """Endless batches of one rank, uint8 of shape [batch_size, length + 1].

    Its state is the same on every rank. With the same ranks, batch size and workers torchdata's own state is taken
    over; with others the position in the order, which needs nothing else.
    """

    def __init__(self, windows: Windows, order: SampleOrder, *, workers: int) -> None:
        self._order, self._workers = order, workers
        self._yielded = order.taken
        # torchdata draws a base seed for its workers; a fixed one keeps the state equal on all ranks.
        generator = torch.Generator().manual_seed(order.seed)
        with warnings.catch_warnings():
            # torchdata 0.11 calls a torch function that torch 2.13 deprecates.
            warnings.filterwarnings("ignore", message=".*set_vital.*")
            self._loader = StatefulDataLoader(
                windows, batch_sampler=order, num_workers=workers, generator=generator, worker_init_fn=_leave_group
            )

    def __iter__(self) -> Iterator[torch.Tensor]:
        for batch in self._loader:
            self._yielded += self._order.stride
            yield batch

    @property
    def taken(self) -> int:
        """Samples that all ranks together have received; workers may be ahead of it."""
        return self._yielded

    @property
    def _topology(self) -> list[int]:
        return [self._order.world_size, self._order.batch_size, self._workers]

    def state_dict(self) -> dict[str, Any]:
        return {"taken": self._yielded, "topology": self._topology, "loader": self._loader.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken, before the first batch is asked for."""
        self._yielded = self._order.taken = state_dict["taken"]
        if state_dict["topology"] == self._topology:
            self._loader.load_state_dict(state_dict["loader"])


def _leave_group(_: int) -> None:
    # torchrun signals a rank's whole process group, and a worker dies of SIGTERM; but the trainer still needs batches
    # to reach the end of its step. A worker ends with its trainer all the same: torch's watchdog looks for the parent.
    os.setpgid(0, 0)
