"""The durable tier: commits at a place that outlives every node, which alone count for other tools."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping

import torch.distributed as dist

from ml_contract.checkpoint.catalog import Attempt
from ml_contract.checkpoint.errors import CheckpointError
from training_code.checkpoint.budget import Budget
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.flight import Flight
from training_code.checkpoint.opening import open_storage
from training_code.checkpoint.options import CheckpointOptions, Event, EventKind, RunIdentity
from training_code.checkpoint.retention import Interrupted, Retention
from training_code.checkpoint.saving import About, save
from training_code.checkpoint.staging import Staged, Stager
from training_code.checkpoint.state import Stateful


class DurableTier:
    """A storage with what belongs to saving there. Building it is collective."""

    def __init__(
        self,
        uri: str,
        run: RunIdentity,
        options: CheckpointOptions,
        process_group: dist.ProcessGroup | None,
        emit: Callable[[Event], None],
    ) -> None:
        self.storage = open_storage(uri, options)
        # A group of the saving thread's own: its collectives must not meet those of the caller's.
        self.ranks = Ranks(process_group, options.collective_timeout_s)
        self.budget = Budget(options.assumed_bytes_per_second)
        self.hurry = threading.Event()
        self._stager = Stager()
        self.flight = Flight(self.storage.uri)
        self._options, self._emit = options, emit
        self._retention = Retention(
            self.storage,
            run,
            policy=options.policy,
            leftover_age_s=options.leftover_age_s,
            report=self._report,
            interrupted=self.hurry.is_set,
        )

    def save(
        self, step: int, state: Mapping[str, Stateful], about: About, *, urgent: bool, timeout: float | None
    ) -> None:
        """As :meth:`CheckpointManager.save` says."""
        started = time.monotonic()
        if urgent:
            self.hurry.set()
        # An earlier failure was reported when it happened, and must not cost the last chance to save.
        with contextlib.suppress(CheckpointError) if urgent else contextlib.nullcontext():
            self.flight.wait(timeout)
        self._emit(Event(kind="started", step=step))
        background = self._options.policy.mode == "async" and not urgent
        staged, size = self._stager.stage(step, state, rank=self.ranks.rank, copy=background)
        self.budget.started(size)

        def work() -> None:
            self._write(staged, size, started, about)

        name = f"checkpoint-step-{step}"
        if background:
            self._emit(Event(kind="staged", step=step, seconds=time.monotonic() - started, bytes=size))
            self.flight.start(work, name=name)
            return
        try:
            if timeout is None:
                self.flight.here(work)
            else:
                self.flight.start(work, name=name)
            self.flight.wait(None if timeout is None else max(0.0, started + timeout - time.monotonic()))
        finally:
            self._emit(Event(kind="staged", step=step, seconds=time.monotonic() - started, bytes=size))

    def _write(self, staged: Staged, size: int, started: float, about: About) -> None:
        """Save, commit, and clear away. Runs in the saving thread."""
        begun = time.monotonic()
        try:
            outcome = save(self.storage, about, staged, self.ranks, block_bytes=self._options.block_bytes)
        except Exception as error:
            self.budget.ended(size, time.monotonic() - begun, committed=False)
            self._emit(Event(kind="failed", step=staged.step, seconds=time.monotonic() - started, detail=str(error)))
            raise
        self.budget.ended(size, time.monotonic() - begun, committed=True)
        self._emit(
            Event(
                kind="committed",
                step=staged.step,
                attempt=outcome.attempt,
                seconds=time.monotonic() - started,
                bytes=outcome.bytes,
            )
        )
        try:
            with contextlib.suppress(Interrupted):
                self._retention.run(self.ranks)
        except CheckpointError as error:
            # The commit stands; what could not be cleared away will be tried again after the next one.
            self._emit(Event(kind="warning", step=staged.step, detail=f"housekeeping: {error}"))

    def close(self) -> None:
        """Give buffers and group back."""
        self._stager.close()
        self.ranks.close()

    def _report(self, kind: EventKind, attempt: Attempt, detail: str) -> None:
        self._emit(Event(kind=kind, step=attempt.step, attempt=attempt.uuid, detail=detail))
