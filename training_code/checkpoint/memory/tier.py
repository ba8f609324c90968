"""The tier in memory: folder, group, saves of its own, and what it takes of every node."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

import torch.distributed as dist

from ml_contract.checkpoint.catalog import Attempt
from ml_contract.checkpoint.errors import CheckpointError
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.flight import Flight
from training_code.checkpoint.memory.listing import evict
from training_code.checkpoint.memory.nodes import Nodes
from training_code.checkpoint.memory.place import NodePlace
from training_code.checkpoint.memory.room import admit, written
from training_code.checkpoint.memory.saving import save
from training_code.checkpoint.memory.source import MemorySource
from training_code.checkpoint.options import CheckpointOptions, Event
from training_code.checkpoint.saving import About
from training_code.checkpoint.staging import Staged, Stager
from training_code.checkpoint.state import Stateful

Emit = Callable[[Event], None]


class MemoryTier:
    """Saves in the nodes' memory. Building it, and every method, is collective."""

    def __init__(
        self, durable_uri: str, options: CheckpointOptions, process_group: dist.ProcessGroup | None, emit: Emit
    ) -> None:
        """``options.policy.memory`` is given.

        Raises:
            ContractError: Folder or budget is missing, or the folder of some node is on no tmpfs.
            StorageError: A folder cannot be made.
        """
        assert options.policy.memory is not None
        self._policy, self._options, self._emit = options.policy.memory, options, emit
        # A group of its own: durable saves go on beside.
        self._ranks = Ranks(process_group, options.collective_timeout_s)
        found: list[NodePlace] = []
        names = self._ranks.each(lambda: self._opened(found, durable_uri))
        self._place = found[0]
        self._nodes = Nodes.named(names)
        self._copies = self._nodes.copies(self._policy.copies)
        if self._copies < self._policy.copies and self._ranks.rank == 0:
            self._warn(0, f"copies={self._policy.copies}, and nodes={self._nodes.count}: {self._copies} are made")
        if self._nodes.leads(self._ranks.rank):
            self._place.sweep()
        self._stager, self._flight = Stager(), Flight(self._place.storage.uri)
        self._source: MemorySource | None = None
        self._admitted = False

    @classmethod
    def of(
        cls, durable_uri: str, options: CheckpointOptions, process_group: dist.ProcessGroup | None, emit: Emit
    ) -> MemoryTier | None:
        """The tier that the policy asks for."""
        return cls(durable_uri, options, process_group, emit) if options.policy.memory is not None else None

    def _opened(self, found: list[NodePlace], durable_uri: str) -> str:
        found.append(NodePlace(self._policy, durable_uri))
        return found[0].node

    def admit(self, state: Mapping[str, Stateful], ranks: Ranks) -> None:
        """See once that every node has the memory.

        Raises:
            ContractError: One has not; the numbers are in it.
        """
        if not self._admitted:
            room = ranks.all(self._place.room)
            admit(written(state, ranks), room, self._nodes, copies=self._copies, keep=self._policy.keep)
            self._admitted = True

    def source(self, ranks: Ranks) -> MemorySource:
        """What the nodes hold, for a restore in the caller's thread, which talks through ``ranks``."""
        self._flight.wait(None)

        def warn(attempt: Attempt, detail: str) -> None:
            self._warn(attempt.step, detail, attempt.uuid)

        self._source = MemorySource(
            self._place.storage, ranks, self._nodes, concurrency=self._options.concurrency, warn=warn
        )  # fmt: skip
        return self._source

    def save(self, step: int, state: Mapping[str, Stateful], about: About, *, background: bool) -> None:
        """Save; where ``background``, in a thread once the state is copied. One on its way is finished first."""
        started = time.monotonic()
        self._flight.wait(None)
        staged, size = self._stager.stage(step, state, rank=self._ranks.rank, copy=background)

        def work() -> None:
            self._write(staged, started, about)

        if background:
            self._flight.start(work, name=f"memory-step-{step}")
        else:
            self._flight.here(work)
        seconds = time.monotonic() - started
        self._emit(Event(kind="staged", step=step, seconds=seconds, bytes=size, tier="memory"))

    def _write(self, staged: Staged, started: float, about: About) -> None:
        """Make room, save, commit. Whatever fails is told, and costs this save alone."""
        refused = self._source.refused if self._source else ()
        storage, ranks, nodes = self._place.storage, self._ranks, self._nodes
        try:
            evict(storage, ranks, nodes, keep=self._policy.keep - 1, refused=refused)
            outcome = save(storage, about, staged, ranks, nodes, copies=self._copies,
                           block_bytes=self._options.block_bytes)  # fmt: skip
        except Exception as error:
            self._warn(staged.step, f"not kept in memory: {error}")
            if isinstance(error, CheckpointError):
                # All ranks are told of these, and are here: the half of a commit gives its memory back.
                self._put_off(lambda: evict(storage, ranks, nodes, keep=self._policy.keep, refused=refused))
            return
        seconds = time.monotonic() - started
        self._emit(Event(kind="committed", step=staged.step, attempt=outcome.attempt, seconds=seconds,
                         bytes=outcome.bytes, tier="memory"))  # fmt: skip

    @staticmethod
    def _put_off(work: Callable[[], None]) -> None:
        # The next save tries again, and tells.
        with contextlib.suppress(Exception):
            work()

    def wait(self) -> None:
        """Wait for a save that is on its way."""
        self._flight.wait(None)

    def forget(self) -> None:
        """Give all memory back."""
        self.wait()
        # Nobody's memory goes while another one's save may still be on its way.
        self._ranks.all(None)
        if self._nodes.leads(self._ranks.rank):
            self._place.clear()

    def close(self) -> None:
        """Finish what is on its way, and give buffers and group back; what is in memory stays."""
        self.wait()
        self._stager.close()
        self._ranks.close()
        self._place.close()

    def _warn(self, step: int, detail: str, attempt: str = "") -> None:
        self._emit(Event(kind="warning", step=step, attempt=attempt, detail=detail, tier="memory"))
