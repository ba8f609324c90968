"""The one save that may be on its way, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Flight:
    """At most one piece of work at a time; what it raised is raised once, where somebody waits for it."""

    def __init__(self, place: str) -> None:
        """``place`` is named in messages."""
        self._place = place
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def start(self, work: Callable[[], None], *, name: str) -> None:
        """Do it beside the caller. The thread dies with the process: only what is committed counts."""
        assert self._thread is None, "wait() comes first"
        self._thread = threading.Thread(target=self.here, args=(work,), name=name, daemon=True)
        self._thread.start()

    def here(self, work: Callable[[], None]) -> None:
        """Do it in the caller's thread."""
        try:
            work()
        except Exception as error:
            self._error = error

    @property
    def busy(self) -> bool:
        """Whether work is on its way in the thread."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, timeout: float | None) -> None:
        """Wait up to ``timeout`` seconds, None for ever. Raises TimeoutError, or what the work raised."""
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise TimeoutError(f"{self._place}: {self._thread.name} is still on its way after {timeout} s")
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error
