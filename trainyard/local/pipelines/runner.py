"""The threads that run executions."""

import logging
import threading
import time
from collections.abc import Callable

from trainyard.local.api.store import Store
from trainyard.local.pipelines.calls import Calls, Clients, UnreachableError
from trainyard.local.pipelines.executor import Executor
from trainyard.local.pipelines.records import EXECUTION, RUNNING, execution_of, finish

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 0.3
_UNREACHABLE_SECONDS = 120.0
_STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Runner:
    """Runs every execution in a thread of its own."""

    def __init__(self, store: Store, clients: Callable[[str], Clients]) -> None:
        """Composes a runner.

        Args:
            store: the documents.
            clients: gives, for a role's ARN, the clients with that role's credentials.
        """
        self._store = store
        self._clients = clients
        self._closing = False
        self._threads: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self._lock = threading.Lock()

    def run(self, arn: str) -> None:
        """Runs an execution, or goes on with it."""
        wake = threading.Event()
        with self._lock:
            before = self._threads.get(arn)
            thread = threading.Thread(
                target=self._run, args=(arn, wake, before[0] if before else None), name=f"pipeline {arn.split('/')[-1]}"
            )
            thread.daemon = True
            self._threads[arn] = thread, wake
        thread.start()

    def wake(self, arn: str) -> None:
        """Makes an execution look at its document now."""
        with self._lock:
            found = self._threads.get(arn)
        if found:
            found[1].set()

    def resume(self) -> None:
        """Goes on with every execution that had not ended when the cloud went down."""
        for document in self._store.list(EXECUTION):
            if document["PipelineExecutionStatus"] in RUNNING:
                self.run(document["PipelineExecutionArn"])

    def close(self) -> None:
        """Leaves every execution as it is, to be resumed."""
        self._closing = True
        with self._lock:
            threads = list(self._threads.values())
        for _, wake in threads:
            wake.set()
        deadline = time.monotonic() + _STOP_SECONDS
        for thread, _ in threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _run(self, arn: str, wake: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            # The thread of an execution that is retried may still be on its last steps out.
            before.join()
        try:
            self._loop(arn, wake)
        except Exception as error:
            if self._closing:
                return
            # Nothing may stay Executing for ever, least of all for a mistake of ours.
            _log.exception("%s failed", arn)
            finish(self._store, arn, f"InternalServerError: {type(error).__name__}: {error}")
        finally:
            with self._lock:
                if self._threads.get(arn, (None,))[0] is threading.current_thread():
                    del self._threads[arn]

    def _loop(self, arn: str, wake: threading.Event) -> None:
        role = execution_of(self._store, arn)["RoleArn"]
        executor = Executor(arn, self._store, Calls(self._clients(role)))
        pause = _FIRST_PAUSE_SECONDS
        answered = time.monotonic()
        while not self._closing:
            before = execution_of(self._store, arn)["LastModifiedTime"]
            try:
                wait = executor.advance()
                answered = time.monotonic()
            except UnreachableError as error:
                # While the cloud starts or stops it does not answer; what was asked is asked again.
                if time.monotonic() - answered > _UNREACHABLE_SECONDS:
                    raise
                _log.info("%s: %s", arn, error)
                wait = 0
            if wait is None:
                return
            moved = execution_of(self._store, arn)["LastModifiedTime"] != before
            pause = _FIRST_PAUSE_SECONDS if moved else min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            wake.wait(max(wait, pause))
            wake.clear()
