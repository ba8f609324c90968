"""What the log says of checkpoints, and what the loop keeps of it."""

from __future__ import annotations

import os
import time

from ml_contract import metrics, pulse
from ml_contract.pulse import JOB
from ml_contract.sizing.interval import PROMISE_SECONDS
from ml_contract.training.surroundings import Checkpointing
from training_code.checkpoint import Event
from training_code.log import say


class SavingLog:
    """Takes a manager's events; the first rank's become lines."""

    def __init__(self, policy: Checkpointing, *, leads: bool, subject: str | None = None) -> None:
        """``leads`` is true on the rank that speaks; ``subject`` is whose signs alarms look at."""
        self._policy, self._leads, self._subject = policy, leads, subject
        self.committed_step = 0
        """The newest that is durable."""
        self.interval = 0.0
        """Seconds between the last two durable saves."""
        self._taken: dict[int, float] = {}
        self._durable_from = time.monotonic()
        self.figures: dict[metrics.Metric, float] = {}
        """What saves and restores have told last."""
        self.stall = 0.0
        """Seconds that saves held up the step on its way; whoever reads it sets it back."""

    @property
    def age(self) -> float:
        """Seconds of work that is not durable: since the state of the newest commit was taken, or since the start."""
        return time.monotonic() - self._durable_from

    def takes(self, step: int) -> None:
        """The state after ``step`` steps is about to be saved durably."""
        self._taken[step] = time.monotonic()

    def report(self, event: Event) -> None:
        """Take one event, in whatever thread it happened."""
        if event.kind == "committed" and event.tier == "durable":
            self.committed_step = event.step
            self._durable_from = self._taken.pop(event.step, self._durable_from)
        if event.kind == "staged":
            self.stall += event.seconds
        if not self._leads:
            return
        if event.kind == "quarantined" and self._subject is not None:
            say(pulse.line(self._subject, {pulse.CORRUPT: 1}, at=time.time(), job=os.environ.get(JOB, "")))
        figures = self._of_memory(event) if event.tier == "memory" else self._of_durable(event)
        if figures:
            self.tell(event.step, figures)

    def tell(self, step: int, figures: dict[metrics.Metric, float]) -> None:
        """Write figures into the log, and keep them for those who look between two saves."""
        self.figures.update(figures)
        say(metrics.line(step, figures))

    def _quarantined(self) -> dict[metrics.Metric, float]:
        return {metrics.CHECKPOINTS_QUARANTINED: self.figures.get(metrics.CHECKPOINTS_QUARANTINED, 0) + 1}

    def _of_durable(self, event: Event) -> dict[metrics.Metric, float]:
        match event.kind:
            case "committed":
                self._hold_promise(event)
                return {metrics.CHECKPOINT_STEP: event.step, metrics.CHECKPOINT_SECONDS: event.seconds}
            case "staged":
                return {metrics.CHECKPOINT_STALL_SECONDS: event.seconds}
            case "restored":
                return {metrics.RESTORED_STEP: event.step}
            case "failed" | "quarantined" | "warning":
                say(f"checkpoint: {event.kind}, step {event.step}: {event.detail}")
                return self._quarantined() if event.kind == "quarantined" else {}
        return {}

    def _of_memory(self, event: Event) -> dict[metrics.Metric, float]:
        match event.kind:
            case "committed":
                return {metrics.CHECKPOINT_MEMORY_STEP: event.step, metrics.CHECKPOINT_MEMORY_SECONDS: event.seconds}
            case "staged":
                return {metrics.CHECKPOINT_MEMORY_STALL_SECONDS: event.seconds}
            case "restored":
                say(f"checkpoint: step {event.step} is restored from the nodes' memory")
                return {metrics.RESTORED_STEP: event.step}
            case "quarantined" | "warning":
                say(f"checkpoint in memory: {event.kind}, step {event.step}: {event.detail}")
                return self._quarantined() if event.kind == "quarantined" else {}
        return {}

    def _hold_promise(self, event: Event) -> None:
        """Until a commit stands, a reclaim costs all since the state of the one before it was taken."""
        if self.interval + event.seconds > PROMISE_SECONDS:
            say(f"checkpoint: warning, step {event.step}: {self.interval:.0f} s after the last save and"
                f" {event.seconds:.0f} s until it was committed are more than the {PROMISE_SECONDS:.0f} s that a"
                f" reclaim may cost. Lower checkpointing.every_seconds (it is {self._policy.every_seconds:.0f})"
                " or every_steps.")  # fmt: skip
