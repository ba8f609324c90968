"""The process that holds one container or node, as the cloud sees it: started, heard, signalled, ended."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from trainyard.local.namespaces import parent

_log = logging.getLogger(__name__)
_LONGEST_LINE_BYTES = 128 * 1024
_DRAIN_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Who hears of a job's hosts; called from threads of their own."""

    line: Callable[[int, str], None]
    """A host (number from 0) wrote a line."""
    exit: Callable[[int, int], None]
    """A host's entrypoint ended with an exit code (128 + n after signal n)."""
    broken: Callable[[int, str], None]
    """A host could not be started, or the process that held it was ended."""


class HostProcess:
    """The process that holds one host, and the threads that listen to it."""

    def __init__(self, host: int, orders: dict[str, Any], listener: Listener) -> None:
        """Starts a host's program.

        Args:
            host: number of the host, from 0.
            orders: what `parent` reads.
            listener: who hears of it.
        """
        self._host = host
        self._listener = listener
        self._pid: int | None = None
        self._lock = threading.Lock()
        self._known = threading.Event()
        self._ready = threading.Event()
        report, report_end = os.pipe()
        passed = [report_end, *([orders["network"]] if "network" in orders else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", parent.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=passed,
            start_new_session=True,
            env={"LANG": "C.UTF-8"},
        )
        os.close(report_end)
        self._threads = [
            threading.Thread(target=self._read_lines, name=f"log of host {host + 1}", daemon=True),
            threading.Thread(target=self._read_report, args=(report,), name=f"watch host {host + 1}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        assert self._process.stdin
        with self._process.stdin as stdin:
            stdin.write(json.dumps({**orders, "report": report_end}).encode())

    @property
    def pid(self) -> int | None:
        """The host's PID 1 as this machine numbers it, while it runs."""
        with self._lock:
            return self._pid

    def await_ready(self, seconds: float) -> bool:
        """Waits until a node's own init runs, or has failed to; False when neither happened in time."""
        # The init and the process that holds it report for themselves, in either order.
        return self._ready.wait(seconds) and self._known.wait(seconds)

    def signal(self, number: int) -> None:
        """Sends a signal to the host's PID 1, if it still runs."""
        # An order that comes while the host still starts must not be lost.
        self._known.wait(_DRAIN_SECONDS)
        with self._lock:
            # It may have ended with the report of it still on its way.
            if self._pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, number)

    def drain(self) -> None:
        """Waits until the last line has been heard."""
        for thread in self._threads:
            thread.join(_DRAIN_SECONDS)

    def end(self) -> None:
        """Ends every process of the host."""
        if self._process.poll() is None:
            # It kills every process of the host, waits for them, and ends.
            self._process.terminate()
        try:
            self._process.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            _log.error("host %d did not end within %.0f s: killed", self._host + 1, _DRAIN_SECONDS)
            self._process.kill()
            self._process.wait()
        self.drain()

    def _read_lines(self) -> None:
        stream: IO[bytes] | None = self._process.stdout
        assert stream
        with stream:
            while raw := stream.readline(_LONGEST_LINE_BYTES):
                self._listener.line(self._host, raw.decode(errors="replace").rstrip("\r\n"))

    def _read_report(self, report: int) -> None:
        ended = False
        with os.fdopen(report) as lines:
            for line in lines:
                fact = json.loads(line)
                if "ready" in fact:
                    self._ready.set()
                    continue
                if "pid" in fact:
                    with self._lock:
                        self._pid = fact["pid"]
                    self._known.set()
                    continue
                ended = True
                with self._lock:
                    self._pid = None
                if "exit" in fact:
                    code = fact["exit"]
                    self._listener.exit(self._host, code if code >= 0 else 128 - code)
                else:
                    self._listener.broken(self._host, fact["error"])
        self._known.set()
        self._ready.set()
        if not ended:
            self._listener.broken(self._host, "the process that held the host was ended from outside")
        self._process.wait()
