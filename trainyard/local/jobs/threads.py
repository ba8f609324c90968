"""The threads in which jobs run."""

import logging
import threading
from collections.abc import Callable

from trainyard.local.jobs.control import Control

_log = logging.getLogger(__name__)
_SHUTDOWN_SECONDS = 30.0


class JobThreads:
    """One thread for each job of a kind that runs."""

    def __init__(self, kind: str) -> None:
        """Names the threads after `kind`."""
        self._kind = kind
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Control, threading.Thread]] = {}
        self._closed = False

    def launch(self, name: str, run: Callable[[Control], None], failed: Callable[[str], None]) -> None:
        """Runs a job.

        Args:
            name: name of the job.
            run: the job's whole life.
            failed: told when `run` raised, which is this cloud's own mistake.
        """
        control = Control()

        def work() -> None:
            try:
                run(control)
            except Exception as error:
                _log.exception("%s %s", self._kind, name)
                failed(f"InternalServerError: the embedded cloud failed: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._running.pop(name, None)

        thread = threading.Thread(target=work, name=f"{self._kind} {name}", daemon=True)
        with self._lock:
            self._running[name] = control, thread
            closed = self._closed
        if closed:
            control.shutdown()
        thread.start()

    def stop(self, name: str) -> bool:
        """Asks a job to stop; False when none of that name runs."""
        with self._lock:
            running = self._running.get(name)
        if running:
            running[0].stop()
        return running is not None

    def shutdown(self) -> None:
        """Ends all jobs' hosts, because the cloud goes down, and waits for it."""
        with self._lock:
            self._closed = True
            running = list(self._running.items())
        for _, (control, _) in running:
            control.shutdown()
        for name, (_, thread) in running:
            thread.join(_SHUTDOWN_SECONDS)
            if thread.is_alive():
                _log.error("%s %s did not end within %.0f s", self._kind, name, _SHUTDOWN_SECONDS)
