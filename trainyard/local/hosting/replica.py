"""One instance of a variant: a container that is started, watched, and started again when it ends."""

import logging
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from ml_contract.errors import ContractError
from trainyard.local.hosting.container import Ended, Line
from trainyard.local.hosting.exchange import Serving
from trainyard.local.hosting.triton import ServerError

State = Literal["starting", "healthy", "restarting", "failed", "stopped"]

_PING_SECONDS = 0.1
_WATCH_SECONDS = 5.0
_MISSED_PINGS = 3
_RESTARTS_WITHOUT_HEALTH = 3
_PAUSE_SECONDS = 1.0
_DRAIN_SECONDS = 10.0
_POLL_SECONDS = 0.05
_KEPT_LINES = 200
_REASON_CHARACTERS = 600
_FAILED_LOAD = re.compile(r"failed to load '|creating server:|^error: |Unable to ")
_PREFIX = re.compile(r'^[EWI]\d{4} [\d:.]+ \d+ [\w.]+:\d+\] "?|"?$')

_log = logging.getLogger(__name__)


class Opening(Protocol):
    """What an instance runs, before it runs."""

    def open(self, root: Path, line: Line, ended: Ended) -> Serving:
        """Starts it; it answers some time later.

        Args:
            root: folder of its files, removed when it is closed.
            line: told each line of its log.
            ended: told when it serves no more.

        Raises:
            ServerError: the server cannot run here, or the model is none for it.
            ContractError: an archive is damaged.
            OSError: the machine does not allow it.
        """


class Replica:
    """A supervised instance; its thread lives until `stop`."""

    def __init__(
        self,
        name: str,
        blueprint: Opening,
        root: Path,
        *,
        start_seconds: float,
        line: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        """Starts at once.

        Args:
            name: for the thread and the daemon's log.
            blueprint: what runs.
            root: folder of the container.
            start_seconds: longest time from the start to the first healthy answer.
            line: told each line of the server's log.
            changed: told, on the replica's thread, that `state` is another one.
        """
        self.state: State = "starting"
        self.reason = ""
        """Why it failed, or is being restarted."""
        self.since = time.time()
        """When it came into this state, in seconds since 1970."""
        self.restarts = 0
        self.outstanding = 0
        """Requests that it works on; kept by whoever sends them."""
        self._name, self._blueprint, self._root = name, blueprint, root
        self._start_seconds, self._line, self._changed = start_seconds, line, changed
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._container: Serving | None = None
        self._wake = threading.Event()
        self._stopping = self._suspected = False
        self._graceful = True
        self._thread = threading.Thread(target=self._run, name=f"serve {name}", daemon=True)
        self._thread.start()

    @property
    def serving(self) -> Serving | None:
        """What answers, while it is healthy."""
        return self._container if self.state == "healthy" else None

    def suspect(self, reason: str) -> None:
        """Has the container replaced: an answer showed that it will not recover by itself."""
        self.reason = reason
        self._suspected = True
        self._wake.set()

    def stop(self, *, graceful: bool = True) -> None:
        """Asks the replica to end; returns at once.

        Args:
            graceful: let the server answer what it works on.
        """
        self._graceful = graceful
        self._stopping = True
        self._wake.set()

    def join(self, seconds: float | None = None) -> bool:
        """Waits until the replica is no more; False when that takes longer than `seconds`."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        unhealthy = 0
        while not self._stopping:
            was_healthy, reason = self._serve()
            if self._stopping:
                break
            unhealthy = 0 if was_healthy else unhealthy + 1
            first = self.restarts == 0 and not was_healthy
            if first or unhealthy >= _RESTARTS_WITHOUT_HEALTH:
                self._become("failed", reason)
                return
            self.restarts += 1
            _log.warning("%s: %s; restart %d", self._name, reason, self.restarts)
            self._become("restarting", f"{reason}; restart {self.restarts}")
            self._wake.clear()
            if not self._stopping:
                self._wake.wait(_PAUSE_SECONDS * unhealthy)
        self._become("stopped", "")

    def _serve(self) -> tuple[bool, str]:
        """Runs one container until it ends; whether it ever was healthy, and why it ended."""
        self._lines.clear()
        self._suspected = False
        self._wake.clear()
        container: Serving | None = None
        try:
            container = self._blueprint.open(self._root, self._heard, self._wake.set)
            self._container = container
            if not self._wait_healthy(container):
                return False, self._explain(container)
            self._become("healthy", "")
            return True, self._watch(container)
        except (ServerError, ContractError, OSError) as error:
            return False, str(error)
        finally:
            self._container = None
            if container is not None:
                # What has never been healthy has nothing to answer.
                if self._stopping and self._graceful and self.state == "healthy":
                    container.terminate()
                container.close()

    def _wait_healthy(self, container: Serving) -> bool:
        deadline = time.monotonic() + self._start_seconds
        while time.monotonic() < deadline and not container.ended.is_set() and not self._stopping:
            if container.ping():
                return True
            self._wake.wait(_PING_SECONDS)
        return False

    def _watch(self, container: Serving) -> str:
        missed = 0
        while True:
            self._wake.wait(_WATCH_SECONDS)
            self._wake.clear()
            if self._stopping:
                return "stopped"
            if container.ended.is_set():
                return container.end
            if self._suspected:
                return self._drained(self.reason)
            overdrawn = container.overdrawn()
            if overdrawn:
                return overdrawn
            missed = 0 if container.ping() else missed + 1
            if missed >= _MISSED_PINGS:
                return f"the server did not answer {missed} health checks"

    def _drained(self, reason: str) -> str:
        """Lets what still answers finish: nothing new comes to an instance that is to be replaced."""
        self._become("restarting", reason)
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self.outstanding and time.monotonic() < deadline and not self._stopping:
            time.sleep(_POLL_SECONDS)
        return reason

    def _heard(self, text: str) -> None:
        self._lines.append(text)
        self._line(text)

    def _explain(self, container: Serving) -> str:
        """The server's own reason: the first line that says that a model did not load, else how it ended."""
        if not container.ended.is_set():
            return f"no healthy answer to /ping within {self._start_seconds:.0f} s"
        container.drain()
        lines = [line for line in self._lines if _FAILED_LOAD.search(line)]
        told = next((line for line in lines if "failed to load '" in line), lines[0] if lines else "")
        text = " ".join(_PREFIX.sub("", told).replace("\\n", " ").split())[:_REASON_CHARACTERS]
        return f"{container.end}: {text}" if text else container.end

    def _become(self, state: State, reason: str) -> None:
        self.state, self.reason, self.since = state, reason, time.time()
        if state in ("failed", "stopped"):
            shutil.rmtree(self._root, ignore_errors=True)
        try:
            self._changed()
        except Exception:
            _log.exception("%s became %s", self._name, state)
