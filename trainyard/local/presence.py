"""Which daemon serves a state, and who has a port."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainyard.local import daemon
from trainyard.local.daemon import CloudError
from trainyard.local.processes import runs

_GONE_SECONDS = 3.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Presence:
    """What is to be found at a folder of state and a port on loopback."""

    state: Path
    """Folder of everything a cloud keeps."""
    port: int
    """TCP port on 127.0.0.1."""

    @property
    def endpoint_url(self) -> str:
        """Where every service of the cloud answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What the daemon writes."""
        return self.state / "server.log"

    @property
    def record(self) -> Path:
        """Process and port of the daemon that serves the state; one that was killed leaves it."""
        return self.state / "server.pid"

    def recorded(self) -> tuple[int, int] | None:
        """Process and port that serve this state, if the process lives."""
        try:
            pid, port = map(int, self.record.read_text().split())
        except (OSError, ValueError):
            return None
        return (pid, port) if runs(pid, f"--state\0{self.state.resolve()}\0") else None

    def health(self) -> dict[str, Any] | None:
        """What the daemon at the port says of itself; None when nothing listens.

        Raises:
            CloudError: another program has the port, or a daemon of this state that starts or hangs.
        """
        try:
            return daemon.health(self.endpoint_url)
        except daemon.NoAnswer:
            raise self._silent() from None

    def health_or_free_port(self) -> dict[str, Any] | None:
        """What a daemon at the port says of itself, or None where nothing has the port.

        Raises:
            CloudError: another program has it.
        """
        killed = self.record.exists() and self.record.stat().st_size > 0
        # A daemon that was killed is gone from the processes a moment before its socket is.
        deadline = time.monotonic() + (_GONE_SECONDS if killed else 0.0)
        while True:
            try:
                found = self.health()
                if found is None:
                    self._require_free_port()
                return found
            except CloudError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_SECONDS)

    def own(self, found: dict[str, Any]) -> dict[str, Any]:
        """That answer, where it is the daemon of this state.

        Raises:
            CloudError: it is another one.
        """
        if "trainyard" not in found:
            raise self.foreign()
        if Path(found["state"]) != self.state.resolve():
            raise CloudError(
                f"port: got {self.port}, but the cloud that listens there keeps its state in {found['state']!r}. "
                "Choose another port, or stop that cloud first"
            )
        return found

    def foreign(self) -> CloudError:
        """The error for a port that another program has."""
        return CloudError(
            f"port: got {self.port}, but another program listens on 127.0.0.1:{self.port}. "
            "Stop that program, or choose another port with --port"
        )

    def _require_free_port(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise self.foreign() from None

    def _silent(self) -> CloudError:
        """The error for a port where something listens that gives no answer of ours."""
        holder = self.recorded()
        if holder is None:
            return self.foreign()
        return CloudError(
            f"the cloud (process {holder[0]}) is starting, or does not answer. "
            f"Wait, or stop it with `trainyard local down`; its log is {self.log}"
        )
