"""SIGTERM as a request: the handler only sets a flag, because a collective inside a signal handler deadlocks."""

from __future__ import annotations

import signal
import time

GRACE_SECONDS = 120
"""Between SIGTERM and SIGKILL on SageMaker (StopTrainingJob, API reference, read 2026-11)."""

SHUTDOWN_SECONDS = 110
"""What torchrun leaves its workers, so that its own end fits into the rest; its default of 30 s kills a saver."""


class Interruption:
    """Whether this process was asked to end, and how long it may still take."""

    def __init__(self) -> None:
        self._since: float | None = None

    def install(self) -> Interruption:
        """Take SIGTERM over, in the main thread; one that came while it was blocked is noted now."""
        signal.signal(signal.SIGTERM, self._note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return self

    def _note(self, *_: object) -> None:
        if self._since is None:
            self._since = time.monotonic()

    @property
    def requested(self) -> bool:
        return self._since is not None

    def wait(self, seconds: float) -> None:
        """Until SIGTERM comes, ``seconds`` at most."""
        until = time.monotonic() + seconds
        while not self.requested and (left := until - time.monotonic()) > 0:
            time.sleep(min(0.1, left))

    @property
    def seconds_left(self) -> float:
        """Until SIGKILL, as torchrun was told; the whole budget where no signal came to this process."""
        return SHUTDOWN_SECONDS - (time.monotonic() - self._since if self._since is not None else 0)
