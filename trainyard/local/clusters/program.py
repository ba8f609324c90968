"""A program that runs inside a node."""

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from trainyard.local import processes

_LONGEST_LINE_BYTES = 128 * 1024
_DRAIN_SECONDS = 1.0


class Program:
    """A program inside the namespaces of a node's PID 1, heard and ended."""

    def __init__(
        self,
        pid: int,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: str,
        log: Callable[[str], None] | None,
    ) -> None:
        """Starts it.

        Args:
            pid: the node's PID 1, as this machine numbers it.
            command: the program with its arguments.
            environment: all of its variables.
            folder: where it starts.
            log: who hears its lines; None for nobody.
        """
        self._name = command[0]
        self._log = log
        inside = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", f"--wdns={folder}"]
        self._process = subprocess.Popen(
            [shutil.which("nsenter") or "nsenter", "--target", str(pid), *inside, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if log else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
        )
        self._reader = threading.Thread(target=self._read, name=f"log of {self._name}", daemon=True)
        self._reader.start()

    @property
    def pids(self) -> list[int]:
        """It and what it started, as this machine numbers them; none when it has ended."""
        return processes.descendants(self._process.pid) if self.running else []

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the program itself."""
        # The first is nsenter's child: nsenter waits for it and passes nothing on.
        for pid in self.pids[:1]:
            processes.send(pid, number)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end and its last line.

        Returns:
            Its exit code; 128 + n after signal n.

        Raises:
            TimeoutError: it took more than `timeout` seconds; it and what it started are killed.
        """
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self._name}: no end within {timeout:g} s: killed") from None
        # What it left behind may hold the log open.
        self._reader.join(_DRAIN_SECONDS)
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """Ends it and what it started, at once."""
        processes.kill([*self.pids, self._process.pid])
        self._process.wait()
        self._reader.join(_DRAIN_SECONDS)

    def _read(self) -> None:
        stream = self._process.stdout
        if stream is None or self._log is None:
            return
        with stream:
            while raw := stream.readline(_LONGEST_LINE_BYTES):
                self._log(raw.decode(errors="replace").rstrip("\r\n"))
