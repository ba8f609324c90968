"""Saves and restores the state of a run. The protocol is described in the package's docstring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import torch.distributed as dist

from ml_contract.checkpoint.catalog import Attempt
from ml_contract.checkpoint.errors import IncompatibleCheckpointError
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.durable import DurableTier
from training_code.checkpoint.memory.tier import MemoryTier
from training_code.checkpoint.opening import open_storage
from training_code.checkpoint.options import (
    CheckpointOptions,
    Estimate,
    Event,
    EventKind,
    Restored,
    RunIdentity,
    Tier,
)
from training_code.checkpoint.restoring import Restorer
from training_code.checkpoint.saving import About, finite
from training_code.checkpoint.sources import DurableSource, Source
from training_code.checkpoint.state import Stateful, materialize
from training_code.checkpoint.storage import Storage


class CheckpointManager:
    """Checkpoints of one run at one place.

    Building it, and every method but wait() and hurry(), is collective: all ranks of the group call it, in the same
    order. Its own gloo groups carry the talk, so training's collectives may go on beside a save.
    """

    def __init__(
        self,
        uri: str,
        *,
        options: CheckpointOptions | None = None,
        run: RunIdentity,
        hyperparameters: Mapping[str, str] | None = None,
        process_group: dist.ProcessGroup | None = None,
    ) -> None:
        """
        Args:
            uri: s3://bucket/prefix or file:///folder. One run's, or several's: each sees only its own commits.
            options: How to write, keep and read; None takes every default.
            run: Which commits may be resumed from.
            hyperparameters: The run's, encoded; every commit tells them, so that an export can build the model.
            process_group: The ranks that save together; None takes all of them.

        Raises:
            ContractError: The uri has another form.
        """
        self._options = options or CheckpointOptions()
        self._run = run
        self._hyperparameters = dict(hyperparameters or {})
        # One group for the caller's thread, and one for each tier's saving thread: their collectives must not meet.
        self._control = Ranks(process_group, self._options.collective_timeout_s)
        self._durable = DurableTier(uri, run, self._options, process_group, self._emit)
        self._memory = MemoryTier.of(self._durable.storage.uri, self._options, process_group, self._emit)

    def restore(self, state: Mapping[str, Stateful]) -> Restored | None:
        """Load the newest verified commit of this run into ``state``; None where nothing was ever committed.

        Where nothing was, and the policy's ``begin_from`` names another run's place, its newest one is loaded.

        No tensor is touched before every byte that any rank needs has been verified. Damaged commits are put in
        quarantine and the next older one is taken.

        Raises:
            CorruptCheckpointError: There are commits, and none is sound.
            IncompatibleCheckpointError: There are only other runs' commits, or the commit does not fit ``state``.
            StorageError: The storage cannot be read.
        """
        self.wait()
        nearer: list[Source] = []
        if self._memory is not None:
            self._memory.admit(state, self._control)
            nearer.append(self._memory.source(self._control))
        restored = self._restorer(self._durable.storage, nearer).restore(state)
        begin_from = self._options.policy.begin_from
        if restored is None and begin_from is not None:
            restored = self._restorer(open_storage(begin_from, self._options), begins=True).restore(state)
            if restored is None:
                raise IncompatibleCheckpointError(f"{begin_from}: no commit is there to begin from, but begin_from"
                                                  " names it. Give the place of a run that saved one.")  # fmt: skip
        if restored is not None:
            self._emit(
                Event(
                    kind="restored",
                    step=restored.step,
                    attempt=restored.attempt,
                    seconds=restored.seconds,
                    bytes=restored.bytes,
                    detail=restored.uri,
                    tier=restored.tier,
                )
            )
        return restored

    def _restorer(self, storage: Storage, nearer: Sequence[Source] = (), *, begins: bool = False) -> Restorer:
        durable = DurableSource(storage, self._control, self._options)
        return Restorer(durable=durable, nearer=nearer, identity=self._run, ranks=self._control, report=self._report,
                        begins=begins)  # fmt: skip

    def save(
        self,
        step: int,
        state: Mapping[str, Stateful],
        *,
        figures: Mapping[str, float] | None = None,
        urgent: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Save ``state`` as ``step``.

        In mode async it returns once the state is copied; a save still on its way is finished first.

        Args:
            step: Steps done so far.
            state: By name; see :mod:`training_code.checkpoint.state` for what each kind becomes.
            figures: Of the step, by name; retention looks for ``loss``. Rank 0's are told in COMMIT, if finite.
            urgent: Return once it is committed, copy nothing, and leave housekeeping to a later save.
            timeout: Seconds until an urgent save gives up; None waits for as long as it takes.

        Raises:
            CheckpointError: This save failed, or, unless it is urgent, an earlier one whose error was not raised yet.
            TimeoutError: An urgent save is still on its way.
        """
        self._durable.save(step, state, self._about(figures), urgent=urgent, timeout=timeout)

    def save_in_memory(
        self, step: int, state: Mapping[str, Stateful], *, figures: Mapping[str, float] | None = None
    ) -> None:
        """Save ``state`` as ``step`` in the nodes' memory, as the policy's ``memory`` says; nothing without one.

        It goes on beside a save to the durable place. A failure is told as a warning and raised nowhere: the durable
        checkpoints are the run's.

        Args:
            step: Steps done so far.
            state: As in :meth:`save`.
            figures: As in :meth:`save`.
        """
        if self._memory is not None:
            self._memory.admit(state, self._control)
            self._memory.save(step, state, self._about(figures), background=self._options.policy.mode == "async")

    @property
    def busy(self) -> bool:
        """Whether a durable save is on its way on this rank, or its housekeeping."""
        return self._durable.flight.busy

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no durable save is on its way, with its housekeeping.

        Args:
            timeout: Seconds; None waits for as long as it takes.

        Raises:
            TimeoutError: It is still on its way.
            CheckpointError: It failed. Told once.
        """
        self._durable.flight.wait(timeout)

    def estimate(self, state: Mapping[str, Stateful]) -> Estimate:
        """What an urgent save would take; the same answer on every rank.

        Estimated from the bytes of the rank that holds most, the throughput measured so far, and what a save on its
        way still takes, with a margin.
        """
        size = materialize(state).local_bytes
        found = self._control.all((size, self._durable.budget.needed(size)))
        return Estimate(bytes=max(size for size, _ in found), seconds=max(seconds for _, seconds in found))

    def hurry(self) -> None:
        """The process is about to end: from now on saves only commit, and housekeeping is left to the next run."""
        self._durable.hurry.set()

    def close(self) -> None:
        """Finish what is on its way and give the groups back. Raises what wait() would."""
        try:
            self.wait()
        finally:
            if self._memory is not None:
                self._memory.close()
            self._durable.close()
            self._control.close()

    def forget(self) -> None:
        """Give the nodes' memory back, once the run is through: what is durable has all that counts."""
        if self._memory is not None:
            self._memory.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def _about(self, figures: Mapping[str, float] | None) -> About:
        return About(identity=self._run, figures=finite(figures), hyperparameters=self._hyperparameters)

    def _report(self, kind: EventKind, attempt: Attempt, detail: str, tier: Tier) -> None:
        self._emit(Event(kind=kind, step=attempt.step, attempt=attempt.uuid, detail=detail, tier=tier))

    def _emit(self, event: Event) -> None:
        if self._options.on_event is not None:
            self._options.on_event(event)
