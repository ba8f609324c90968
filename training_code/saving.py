"""When checkpoints are taken, and what the log says of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ml_contract import metrics
from ml_contract.hyperparameters import to_json
from ml_contract.training.run import TrainingRun
from training_code.checkpoint import (
    CheckpointError,
    CheckpointManager,
    CheckpointOptions,
    Event,
    RunIdentity,
    Stateful,
)
from training_code.interruption import Interruption
from training_code.log import say
from training_code.parallel.ranks import Ranks

EXIT_SECONDS = 5.0
"""Left between the last commit and SIGKILL, for processes to end."""

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
        self._asked_step = self.committed_step = 0
        self._manager: CheckpointManager | None = None
        if run.checkpoint_uri is not None:
            kept = {name: value for name, value in to_json(run).items() if not name.startswith(_CHANGEABLE)}
            self._manager = CheckpointManager(
                run.checkpoint_uri,
                options=CheckpointOptions(mode=self._policy.mode, keep=self._policy.keep_last, on_event=self._report),
                run=RunIdentity.of(run.workload.kind, {**kept, "data": data_digest}),
            )

    def restore(self) -> None:
        """Continue from the newest sound commit, where there is one."""
        restored = self._manager.restore(self._state) if self._manager else None
        if restored is not None:
            self._asked_step = self.committed_step = restored.step

    def overdue(self) -> bool:
        """Whether the time between checkpoints is up, by the first rank's clock: the ranks have to agree."""
        return self._ranks.is_leader and time.monotonic() - self._asked_at >= self._policy.every_seconds

    def save(self, step: int) -> None:
        """Save after ``step`` steps, unless that was asked for already. Raises what an earlier save failed with."""
        if self._manager is None or step == self._asked_step:
            return
        self._asked_at, self._asked_step = time.monotonic(), step
        self._manager.save(step, self._state)

    def finish(self) -> None:
        """Wait for the commit that is on its way."""
        if self._manager is not None:
            self._manager.wait()

    def last_good(self, step: int) -> str:
        """Commit the state after ``step`` steps, from which a broken step did not yet take anything; says where it is.

        A failure here leaves the commit before it.
        """
        try:
            self.save(step)
            self.finish()
        except CheckpointError as error:
            say(f"checkpoint: step {step} was not saved: {error}")
        if not self.committed_step:
            return "There is no checkpoint"
        return f"The last good checkpoint is step {self.committed_step}"

    def before_the_end(self, step: int, interruption: Interruption) -> None:
        """Commit ``step`` if the time suffices, else what is on its way. A failure here costs steps, not the run."""
        if self._manager is None:
            return
        seconds = self._ranks.smallest(interruption.seconds_left) - EXIT_SECONDS
        try:
            if step != self._asked_step and self._manager.affordable(self._state, seconds):
                self._manager.save(step, self._state, urgent=True)
            else:
                self._manager.hurry()
                self._manager.wait(max(0.0, seconds))
        except (CheckpointError, TimeoutError) as error:
            say(f"checkpoint: step {step} was not saved before the end: {error}")

    def close(self) -> None:
        """Finish, and give the process groups back."""
        if self._manager is not None:
            self._manager.close()

    def _report(self, event: Event) -> None:
        if event.kind == "committed":
            self.committed_step = event.step
        if not self._ranks.is_leader:
            return
        figures: dict[metrics.Metric, float] = {}
        match event.kind:
            case "committed":
                figures = {metrics.CHECKPOINT_STEP: event.step, metrics.CHECKPOINT_SECONDS: event.seconds}
            case "staged":
                figures = {metrics.CHECKPOINT_STALL_SECONDS: event.seconds}
            case "restored":
                figures = {metrics.RESTORED_STEP: event.step}
            case "failed" | "quarantined" | "warning":
                say(f"checkpoint: {event.kind}, step {event.step}: {event.detail}")
        if figures:
            say(metrics.line(event.step, figures))
