"""Batches as a loader's processes make them: announced as a whole, and with an error that reaches the trainer whole."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from torch.utils.data import Dataset, default_collate, get_worker_info


class Samples(Protocol):
    """A map-style data set. One that reads from afar has a method ``ahead(indices)`` too: what will be asked soon."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...


class Failure:
    """What a worker process failed with, on its way to the trainer.

    torch itself would raise the error again with the worker's traceback as its message, of which a job's failure reason
    shows the beginning, or as a RuntimeError where the error's class takes other arguments.
    """

    def __init__(self, error: Exception) -> None:
        self._traceback = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - its own
            self._error = error
        except Exception:
            # What cannot be sent would be lost in the queue's thread, and the trainer would wait for ever.
            self._error = RuntimeError(f"{type(error).__name__}: {error}")

    def again(self) -> NoReturn:
        """Raise it here, with the worker's traceback as a note."""
        self._error.add_note(f"In a process of the loader:\n{self._traceback}")
        raise self._error


class Batches(Dataset[Any]):
    """A data set whose items are batches, and which hears of a batch before its samples are asked for one by one."""

    def __init__(
        self,
        samples: Samples,
        ahead: Callable[[Sequence[int]], None] | None,
        collate: Callable[[list[Any]], Any] | None,
    ) -> None:
        """
        Args:
            samples: What to read.
            ahead: Told of the samples of a batch.
            collate: From a list of samples to a batch; None stacks tensors as torch does.
        """
        self._samples, self._ahead, self._collate = samples, ahead, collate or default_collate

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Any:
        return self._samples[index]

    def __getitems__(self, indices: Sequence[int]) -> Any:
        """The batch of these samples, or in a worker process the :class:`Failure` to make it."""
        if get_worker_info() is None:
            return self._batch(indices)
        try:
            return self._batch(indices)
        except Exception as error:
            return Failure(error)

    def _batch(self, indices: Sequence[int]) -> Any:
        if self._ahead is not None:
            self._ahead(indices)
        return self._collate([self._samples[index] for index in indices])


def as_it_is(batch: Any) -> Any:
    """The collate function of what is a batch already."""
    return batch


def leave_group(_: int) -> None:
    """Take a worker process out of its trainer's process group.

    torchrun signals a rank's whole group, and a worker dies of SIGTERM; but the trainer still needs batches to reach
    the end of its step. A worker ends with its trainer all the same: torch's watchdog looks for the parent.
    """
    os.setpgid(0, 0)
