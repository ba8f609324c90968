"""A thread that hands on what others collect, in batches."""

import threading
from collections.abc import Callable


class Flusher:
    """Calls `flush` some time after something came, and once more at the end; its thread waits while nothing comes."""

    def __init__(self, name: str, flush: Callable[[], None], pause: float) -> None:
        """Starts when the first thing comes.

        Args:
            name: of the thread.
            flush: hands on what was collected; called on the thread.
            pause: seconds between the first thing of a batch and `flush`.
        """
        self._name, self._flush, self._pause = name, flush, pause
        self._lock = threading.Lock()
        self._pending, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def notify(self) -> None:
        """Something was collected."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._pending.set()

    def close(self) -> None:
        """Hands on what is left and ends the thread."""
        self._ended.set()
        self._pending.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._pending.wait()
            self._ended.wait(self._pause)
            self._pending.clear()
            self._flush()
