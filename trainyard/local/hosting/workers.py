"""Threads that each do one thing to an endpoint, and end."""

import logging
import threading
from collections.abc import Callable
from typing import Any

_log = logging.getLogger(__name__)


class Workers:
    """The threads that are at work."""

    def __init__(self) -> None:
        """None yet."""
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def launch(self, title: str, work: Callable[..., None], *arguments: Any) -> None:
        """Does it on a thread of that name, unless `close` was called; an error goes to the log."""

        def run() -> None:
            try:
                work(*arguments)
            except Exception:
                _log.exception("%s", title)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name=title, daemon=True)
        with self._lock:
            if self._closed:
                return
            self._threads.add(thread)
        thread.start()

    def close(self) -> None:
        """Launches nothing else."""
        with self._lock:
            self._closed = True

    def join(self, seconds: float) -> None:
        """Waits for the end of all that are at work, for each so long at the most."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(seconds)
