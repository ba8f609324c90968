"""Who is told the figures beside the log. A tracker that is slow or away never holds up training, nor ends it."""

from __future__ import annotations

import abc
import queue
import threading
from collections.abc import Mapping

from training_code.log import say

WAITING = 1000
"""Steps that may wait to be told; what does not fit is lost, and said."""
CLOSE_SECONDS = 20.0
"""For what still waits at the end of a run; an interrupted one has little more than 100 s for everything."""


class Sink(abc.ABC):
    """A place that figures go to."""

    name: str

    @abc.abstractmethod
    def write(self, step: int, figures: Mapping[str, float], /) -> None:
        """Take the figures of a step, by the names of the metrics."""

    @abc.abstractmethod
    def close(self, status: str) -> None:
        """The run ended: FINISHED, KILLED (it will go on) or FAILED."""


class Background:
    """A sink in a thread of its own."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: queue.Queue[tuple[int, dict[str, float]] | None] = queue.Queue(WAITING)
        self._lost = self._failed = 0
        self._status = "FINISHED"
        self._thread = threading.Thread(target=self._work, name=f"watching-{sink.name}", daemon=True)
        self._thread.start()

    def write(self, step: int, figures: Mapping[str, float], /) -> None:
        """Leave the figures to the thread."""
        try:
            self._waiting.put_nowait((step, dict(figures)))
        except queue.Full:
            self._lost += 1

    def close(self, status: str) -> None:
        """Let the thread finish, for a while, and say what was lost."""
        self._status = status
        try:
            self._waiting.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            self._lost += 1
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            left = self._waiting.qsize()
            say(f"watching: {self._sink.name} did not answer for {CLOSE_SECONDS:.0f} s and lacks {left} steps.")
        elif self._lost or self._failed:
            say(f"watching: {self._sink.name} lacks {self._lost + self._failed} steps. The log has them.")

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                self._sink.write(*item)
            except Exception as error:
                self._failed += 1
                if self._failed == 1:
                    say(f"watching: {self._sink.name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        try:
            self._sink.close(self._status)
        except Exception as error:
            say(f"watching: {self._sink.name} did not close: {type(error).__name__}: {error}")
