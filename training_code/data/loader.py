"""A loader whose position is part of a checkpoint: micro-batches of one data rank, in the order of the seed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torchdata.stateful_dataloader import StatefulDataLoader

from ml_contract.errors import reject
from training_code.data.batches import Batches, Failure, Samples, as_it_is, leave_group
from training_code.data.order import SampleOrder

AHEAD = 64
"""Samples that a data set is told of before they are read, where it wants to know; at least two micro-batches."""


class Loader:
    """Endless micro-batches of one data rank; an iterator that can be asked where it stands and set back.

    Its state is that of the last step boundary, the same on every rank. With the same ranks, batch and workers
    torchdata's own state is taken over; with others the position in the order, which needs nothing else.
    """

    def __init__(
        self,
        samples: Samples,
        order: SampleOrder,
        *,
        workers: int,
        micro_batch: int,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        """
        Args:
            samples: What to load; ``order`` counts as many.
            order: Which samples a step of this rank takes.
            workers: Processes that load; 0 loads in this one.
            micro_batch: Samples of a batch; divides ``order.batch_size``.
            collate: From a list of samples to a batch; None stacks tensors as torch does.

        Raises:
            ContractError: ``micro_batch`` does not divide the rank's samples of a step.
        """
        if order.batch_size % micro_batch:
            reject("micro_batch_size", micro_batch, f"it must divide a data rank's samples of a step"
                   f" ({order.batch_size})", "Give a divisor.")  # fmt: skip
        self._order, self._workers, self._micro_batch = order, workers, micro_batch
        self._taken = self._start = order.taken
        self._handed_out = 0
        self._batches: Iterator[Any] | None = None
        ahead = getattr(samples, "ahead", None)
        self._plan = _MicroBatches(order, micro_batch, ahead if workers == 0 else None)
        # torchdata draws a base seed for its workers; a fixed one keeps the state equal on all ranks.
        generator = torch.Generator().manual_seed(order.seed)
        with warnings.catch_warnings():
            # torchdata 0.11 calls a torch function that torch 2.13 deprecates.
            warnings.filterwarnings("ignore", message=".*set_vital.*")
            self._loader = StatefulDataLoader(
                Batches(samples, ahead if workers else None, collate), batch_sampler=self._plan, num_workers=workers,
                generator=generator, worker_init_fn=leave_group, collate_fn=as_it_is,
            )  # fmt: skip

    def __iter__(self) -> Loader:
        return self

    def __next__(self) -> Any:
        if self._batches is None:
            self._batches = iter(self._loader)
        batch = next(self._batches)
        if isinstance(batch, Failure):
            batch.again()
        if self._handed_out == 0:
            self._start = self._taken
        self._handed_out += self._micro_batch
        if self._handed_out == self._order.batch_size:
            self._taken, self._handed_out = self._taken + self._order.stride, 0
        return batch

    @property
    def taken(self) -> int:
        """Samples that all data ranks together had received at the last step boundary; workers may be ahead of it."""
        return self._taken

    def rewind(self) -> None:
        """Go back to the start of the current step: the one that the last batch belongs to."""
        self._set(self._start)

    def state_dict(self) -> dict[str, Any]:
        between_steps = self._batches is not None and self._handed_out == 0
        loader = self._loader.state_dict() if between_steps else None
        return {"taken": self._taken, "topology": self._topology, "loader": loader}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self._set(state_dict["taken"])
        if state_dict["topology"] == self._topology and state_dict["loader"] is not None:
            self._loader.load_state_dict(state_dict["loader"])

    @property
    def _topology(self) -> list[int]:
        return [self._order.world_size, self._order.batch_size, self._micro_batch, self._workers]

    def _set(self, taken: int) -> None:
        self._taken = self._start = taken
        self._handed_out = 0
        self._batches = None
        self._plan.load_state_dict({"taken": taken, "done": 0})
        self._loader.load_state_dict({})


class _MicroBatches:
    """Indices of one micro-batch after another; its state may lie within a step, as workers fetch ahead."""

    def __init__(self, order: SampleOrder, micro_batch: int, ahead: Callable[[Sequence[int]], None] | None) -> None:
        self._order, self._micro_batch, self._ahead = order, micro_batch, ahead
        self._taken, self._done = order.taken, 0

    def __iter__(self) -> Iterator[list[int]]:
        while True:
            taken, done = self._taken, self._done
            batch = self._at(taken, done)
            self._taken, self._done = self._after(taken, done)
            if self._ahead is not None:
                self._ahead(self._coming(taken, done))
            yield batch

    def _coming(self, taken: int, done: int) -> list[int]:
        found = []
        for _ in range(max(2, AHEAD // self._micro_batch)):
            found += self._at(taken, done)
            taken, done = self._after(taken, done)
        return found

    def _at(self, taken: int, done: int) -> list[int]:
        return self._order.batch(taken, done, self._micro_batch)

    def _after(self, taken: int, done: int) -> tuple[int, int]:
        done += self._micro_batch
        return (taken + self._order.stride, 0) if done == self._order.batch_size else (taken, done)

    def state_dict(self) -> dict[str, Any]:
        return {"taken": self._taken, "done": self._done}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self._taken, self._done = state_dict["taken"], state_dict["done"]
