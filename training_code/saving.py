"""When checkpoints are taken."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ml_contract import metrics
from ml_contract.checkpoint.retention import LOSS
from ml_contract.hyperparameters import encode, to_json
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import (
    CheckpointError,
    CheckpointManager,
    CheckpointOptions,
    RunIdentity,
    Stateful,
)
from training_code.dip import Dip
from training_code.interruption import Interruption
from training_code.log import say
from training_code.parallel.ranks import Ranks
from training_code.saving_log import SavingLog

EXIT_SECONDS = 5.0
"""Left between the last commit and SIGKILL, for processes to end."""

_SHARED = ("workload", "global_batch_size", "seed")
"""Hyperparameters that a run has in common with the one that it begins from: what is learned, from which samples."""
_CHANGEABLE = ("strategy", "micro_batch_size", "activation_checkpointing", "compile_blocks", "loading", "checkpoint",
               "watching")  # fmt: skip
"""Beginnings of hyperparameters that a resumed run may change: they change how the same numbers are computed."""


class Progress:
    """How far a run has come."""

    def __init__(self) -> None:
        self.step = 0
        """Optimiser steps done."""
        self.loss = float("nan")
        """Mean loss of the last step, nats."""

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)


class Checkpoints:
    """The checkpoints of a run, or none where the hyperparameters name no place for them."""

    def __init__(self, run: TrainingRun, state: Mapping[str, Stateful], ranks: Ranks, *, data_digest: str) -> None:
        self._policy, self._state, self._ranks = run.checkpointing, state, ranks
        self._asked_at = time.monotonic()
        self._asked_step = 0
        self._dip, self._beside = Dip(), False
        self._log = SavingLog(self._policy, leads=ranks.is_leader, subject=run.watching.subject)
        self._uri = run.checkpoint_uri
        self._manager: CheckpointManager | None = None
        if run.checkpoint_uri is not None:
            told = to_json(run)
            kept = {name: value for name, value in told.items() if not name.startswith(_CHANGEABLE)}
            base = {name: told[name] for name in _SHARED}
            self._manager = CheckpointManager(
                run.checkpoint_uri,
                options=CheckpointOptions(policy=self._policy, on_event=self._log.report),
                run=RunIdentity.of(
                    run.workload.kind, {**kept, "data": data_digest}, base={**base, "data": data_digest}
                ),
                hyperparameters=encode(run),
            )

    def restore(self) -> None:
        """Continue from the newest sound commit, where there is one."""
        restored = self._manager.restore(self._state) if self._manager else None
        # What another run committed is not this one's until it has saved it too, and what memory holds not durable.
        if restored is not None and not restored.begun and restored.tier == "durable":
            self._asked_step = self._log.committed_step = restored.step

    def age(self) -> dict[metrics.Metric, float]:
        """The work that is not durable yet, for the figures of a step; nothing where there are no checkpoints."""
        return {metrics.CHECKPOINT_AGE: self._log.age} if self._manager is not None else {}

    def figures(self) -> dict[metrics.Metric, float]:
        """What saves and restores have told last, for whoever watches the steps between them."""
        return dict(self._log.figures)

    def overdue(self) -> bool:
        """Whether the time between checkpoints is up, by the first rank's clock: the ranks have to agree."""
        return self._ranks.is_leader and time.monotonic() - self._asked_at >= self._policy.every_seconds

    def stepped(self, step: int, seconds: float) -> None:
        """Take the time from step to step, from which the dip beside a save is reported."""
        if self._manager is None:
            return
        ratio = self._dip.step(seconds - self._log.stall, beside=self._beside)
        self._log.stall, self._beside = 0.0, self._manager.busy
        if ratio is not None and self._ranks.is_leader:
            self._log.tell(step, {metrics.CHECKPOINT_DIP: ratio})

    def save_if_due(self, step: int, *, overdue: bool) -> None:
        """Save after ``step`` steps durably, or in the nodes' memory, or not at all, as the run's settings say.

        Args:
            step: Steps done.
            overdue: Whether the ranks agreed that the time between durable ones is up.
        """
        if overdue or step % self._policy.every_steps == 0:
            self.save(step)
        elif self._policy.memory is not None and step % self._policy.memory.every_steps == 0 and self._manager:
            self._manager.save_in_memory(step, self._state, figures=self._figures)

    def save(self, step: int) -> None:
        """Save after ``step`` steps, unless that was asked for already. Raises what an earlier save failed with."""
        if self._manager is None or step == self._asked_step:
            return
        self._note(step)
        self._manager.save(step, self._state, figures=self._figures)
        self._beside = self._policy.mode == "async"

    def last_good(self, step: int) -> str:
        """Commit the state after ``step`` steps, from which a broken step did not yet take anything.

        A failure here leaves the commit before it.

        Returns:
            Where it is, and how a run of another configuration begins from it: two sentences.
        """
        again = "Train again from the start"
        if self._manager is None:
            return f"There is no checkpoint, because checkpoint_uri is not given. {again}"
        try:
            if step != self._asked_step:
                self._note(step)
                self._manager.save(step, self._state, figures=self._figures, urgent=True)
            self._manager.wait()
        except CheckpointError as error:
            say(f"checkpoint: step {step} was not saved: {error}")
        if not self._log.committed_step:
            return f"There is no checkpoint. {again}"
        return (f"The last good checkpoint is step {self._log.committed_step}. Begin another run, with a checkpoint_uri"
                f" of its own, by checkpointing.begin_from={self._uri}")  # fmt: skip

    def before_the_end(self, step: int, interruption: Interruption) -> None:
        """Commit ``step`` if the time suffices, else what is on its way. A failure here costs steps, not the run."""
        if self._manager is None:
            return
        seconds = max(0.0, self._ranks.smallest(interruption.seconds_left) - EXIT_SECONDS)
        deadline = time.monotonic() + seconds
        try:
            if step != self._asked_step:
                estimate = self._manager.estimate(self._state)
                if estimate.seconds <= seconds:
                    self._note(step)
                    self._manager.save(step, self._state, figures=self._figures, urgent=True, timeout=seconds)
                    return
                if self._ranks.is_leader:
                    say(f"checkpoint: step {step} is not saved: {estimate}, and {seconds:.1f} s are left")
            self._manager.hurry()
            self._manager.wait(max(0.0, deadline - time.monotonic()))
        except (CheckpointError, TimeoutError) as error:
            say(f"checkpoint: step {step} was not saved before the end: {error}")

    @property
    def _figures(self) -> dict[str, float]:
        progress = self._state["progress"]
        assert isinstance(progress, Progress)
        return {LOSS: progress.loss}

    def _note(self, step: int) -> None:
        now = time.monotonic()
        self._log.interval, self._asked_at, self._asked_step = now - self._asked_at, now, step
        self._log.takes(step)

    def close(self) -> None:
        """Finish a run that is through, and give the nodes' memory and the process groups back."""
        if self._manager is not None:
            self._manager.wait()
            self._manager.forget()
            self._manager.close()
