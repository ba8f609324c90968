"""One MariaDB: its machine, its data, its administrator."""

import collections
import re
import shutil
import signal
import socket
import time
from pathlib import Path

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node
from trainyard.local.clusters.program import Program
from trainyard.local.databases.settings import BOOTSTRAP, DATA, FIRST, SOCKET, Settings, command, first, quoted

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PRIVATE = "10.0.0.0/30", "10.0.0.1"
"""Its own network, in which nobody else is."""
_READ_ONLY = "1238"
"""Error of a variable that only a start sets."""


class DatabaseError(Exception):
    """The server does not start, or refuses; the message is its own."""


class Server:
    """A MariaDB in a machine of its own, whose only door is `connect`."""

    def __init__(self, name: str, folder: Path, layer: Path) -> None:
        """Starts nothing.

        Args:
            name: host name of its machine.
            folder: gets its data, which outlive it.
            layer: of `packages`.
        """
        self._data, self._disk = folder / "data", folder / "disk"
        folder.mkdir(parents=True, exist_ok=True)
        self._bridge = Bridge(folder / "hosts", _PRIVATE[0])
        self._node = Node(name=name, folder=self._disk, address=_PRIVATE[1], bridge=self._bridge,
                          shared={DATA: self._data}, layers=[layer])  # fmt: skip
        self._program: Program | None = None
        self._port = 0

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._program is not None and self._program.running

    def start(self, settings: Settings) -> None:
        """Starts it, unless it runs; the first time it gets its system tables.

        Raises:
            DatabaseError: it does not start; its last word says why.
        """
        if self.running:
            return
        made = self._data.with_name("made")
        if not made.exists():
            # It, or the whole cloud, may have ended while it made its tables.
            self.lose_power()
            shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(exist_ok=True)
        self._port = settings.port
        last: collections.deque[str] = collections.deque(maxlen=20)
        try:
            self._node.start()
            if not made.exists():
                if self._node.run(["sh", "-c", BOOTSTRAP], timeout=_START_SECONDS, log=last.append):
                    raise DatabaseError(_cause(last))
                made.touch()
            file = self._node.path(FIRST)
            file.touch(0o600)
            file.write_text(first(settings))
            self._program = self._node.spawn(command(settings), log=last.append)
        except (OSError, TimeoutError) as error:
            raise DatabaseError(str(error)) from error
        deadline = time.monotonic() + _START_SECONDS
        while not any("ready for connections" in line for line in list(last)):
            if not self._program.running or time.monotonic() > deadline:
                self.stop()
                raise DatabaseError(_cause(last))
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stops it in order; its data stay."""
        program, self._program = self._program, None
        if program is not None and program.running:
            program.signal(signal.SIGTERM)
            program.wait(_START_SECONDS)
        self._node.kill()

    def lose_power(self) -> None:
        """Ends it as a machine ends that loses its power; its data are as they were then."""
        self._program = None
        self._node.kill()

    def discard(self) -> None:
        """Ends it and removes its data."""
        self.lose_power()
        self._bridge.close()
        shutil.rmtree(self._data.parent, ignore_errors=True)

    def execute(self, statement: str) -> str:
        """Runs a statement as the server's administrator; returns its rows, tabs between columns.

        Raises:
            DatabaseError: the server refuses it, or is not there.
        """
        lines: list[str] = []
        client = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", f"--socket={SOCKET}"]
        try:
            code = self._node.run([*client, "--execute", statement], timeout=_START_SECONDS, log=lines.append)
        except (OSError, TimeoutError) as error:
            raise DatabaseError(str(error)) from error
        if code:
            raise DatabaseError(lines[-1] if lines else "it said nothing")
        return "\n".join(lines)

    def set(self, name: str, value: str | None) -> bool:
        """Changes a setting of the running server, None to its default; False where only its next start can.

        Raises:
            DatabaseError: there is no such setting, or not with such a value.
        """
        shown = "DEFAULT" if value is None else value if re.fullmatch(r"-?\d+(\.\d+)?", value) else quoted(value)
        try:
            self.execute(f"SET GLOBAL {name} = {shown}")
        except DatabaseError as error:
            if f"ERROR {_READ_ONLY} " in str(error):
                return False
            raise
        return True

    def change_password(self, user: str, password: str) -> None:
        """Gives a user another password; connections that are open stay.

        Raises:
            DatabaseError: there is no such user.
        """
        self.execute(f"ALTER USER {quoted(user)}@'%' IDENTIFIED BY {quoted(password)}")

    def connect(self) -> socket.socket:
        """A connection to its port.

        Raises:
            OSError: it does not run.
        """
        return self._node.connect(self._port)


def _cause(lines: collections.deque[str]) -> str:
    """The first error among a server's last lines: those after it are of its end."""
    errors = [line for line in lines if "ERROR" in line]
    return (errors or list(lines) or ["it said nothing"])[0].partition("[ERROR] ")[2] or (errors or [*lines, ""])[0]
