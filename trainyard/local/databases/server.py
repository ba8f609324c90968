"""One MariaDB: its disk, its settings, its power.

Sources, read 2026-11-22: mariadbd options and "Installing system tables" (MariaDB Knowledge Base, 10.11); "Master user
account privileges" and "MariaDB feature support" (Amazon RDS User Guide): a master user has no SUPER, and automated
backups turn the binary log on.
"""

import collections
import re
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node
from trainyard.local.clusters.program import Program

_DATA = "/var/lib/mysql"
_SOCKET = "/run/mariadb.socket"
_FIRST = "/run/first.sql"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_PRIVATE = "10.0.0.0/30", "10.0.0.1"
"""Its own network, in which nobody else is."""
_BUFFER_MIB = 32
"""RDS gives three quarters of an instance's memory; there is no instance here."""
_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, "
    "ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, REPLICATION SLAVE, SLAVE MONITOR"
)
_BOOTSTRAP = r"""
{ printf '%s\n' 'create database mysql;' 'use mysql;' "set @auth_root_socket='root';" 'set @skip_auth_anonymous=1;'
  cat /usr/share/mysql/mysql_system_tables.sql /usr/share/mysql/mysql_system_tables_data.sql
  printf '%s\n' "delete from global_priv where User='root' and Host<>'localhost';"
} | mariadbd --no-defaults --bootstrap --user=root --datadir=/var/lib/mysql --lc-messages-dir=/usr/share/mysql \
  --innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0
"""
_READ_ONLY = "1238"
"""Error of a variable that only a start sets."""


class ServerError(Exception):
    """The server does not start, or refuses; the message is its own."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server starts with."""

    user: str
    """Master user."""
    password: str
    """The master user's."""
    schema: str
    """Made at the start where it is missing; empty for none."""
    port: int
    """TCP port."""
    parameters: Mapping[str, str]
    """Of the parameter group, by the server's own names."""
    binary_log: bool
    """Whether changes are logged, as with automated backups."""


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
                          shared={_DATA: self._data}, layers=[layer])  # fmt: skip
        self._program: Program | None = None
        self._port = 0

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._program is not None and self._program.running

    def start(self, settings: Settings) -> None:
        """Starts it; the first time it gets its system tables.

        Raises:
            ServerError: it does not start; its last word says why.
        """
        new = not (self._data / "mysql").is_dir()
        self._data.mkdir(exist_ok=True)
        self._port = settings.port
        last: collections.deque[str] = collections.deque(maxlen=20)
        try:
            self._node.start()
            if new and self._node.run(["sh", "-c", _BOOTSTRAP], timeout=_START_SECONDS, log=last.append):
                raise ServerError(_cause(last))
            first = self._node.path(_FIRST)
            first.touch(0o600)
            first.write_text(_first(settings))
            self._program = self._node.spawn(_command(settings), log=last.append)
        except (OSError, TimeoutError) as error:
            raise ServerError(str(error)) from error
        deadline = time.monotonic() + _START_SECONDS
        while not any("ready for connections" in line for line in list(last)):
            if not self._program.running or time.monotonic() > deadline:
                self.stop()
                raise ServerError(_cause(last))
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
            ServerError: the server refuses it, or is not there.
        """
        lines: list[str] = []
        client = ["mariadb", "--no-defaults", "--batch", "--skip-column-names", f"--socket={_SOCKET}"]
        try:
            code = self._node.run([*client, "--execute", statement], timeout=_START_SECONDS, log=lines.append)
        except (OSError, TimeoutError) as error:
            raise ServerError(str(error)) from error
        if code:
            raise ServerError(lines[-1] if lines else "it said nothing")
        return "\n".join(lines)

    def set(self, name: str, value: str | None) -> bool:
        """Changes a setting of the running server, None to its default; False where only its next start can.

        Raises:
            ServerError: there is no such setting, or not with such a value.
        """
        shown = "DEFAULT" if value is None else value if re.fullmatch(r"-?\d+(\.\d+)?", value) else _quoted(value)
        try:
            self.execute(f"SET GLOBAL {name} = {shown}")
        except ServerError as error:
            if f"ERROR {_READ_ONLY} " in str(error):
                return False
            raise
        return True

    def change_password(self, user: str, password: str) -> None:
        """Gives a user another password; connections that are open stay.

        Raises:
            ServerError: there is no such user.
        """
        self.execute(f"ALTER USER {_quoted(user)}@'%' IDENTIFIED BY {_quoted(password)}")

    def connect(self) -> socket.socket:
        """A connection to its port.

        Raises:
            OSError: it does not run.
        """
        return self._node.connect(self._port)


def _command(settings: Settings) -> list[str]:
    own = {
        "user": "root", "datadir": _DATA, "socket": _SOCKET, "pid-file": "/run/mariadb.pid", "init-file": _FIRST,
        # Where nobody but `connect` comes in, names are addresses of nobody.
        "bind-address": "127.0.0.1", "port": str(settings.port), "skip-name-resolve": "ON",
        "lc-messages-dir": "/usr/share/mysql", "innodb-buffer-pool-size": f"{_BUFFER_MIB}M",
    }  # fmt: skip
    log = {"log-bin": "binary", "server-id": "1"} if settings.binary_log else {}
    return ["mariadbd", "--no-defaults", *(f"--{name}={value}" for name, value in {**own, **log}.items()),
            *(f"--{name}={value}" for name, value in settings.parameters.items())]  # fmt: skip


def _first(settings: Settings) -> str:
    """What is true after every start: the schema, the master user, its password and its rights."""
    user = f"{_quoted(settings.user)}@'%'"
    schema = [f"CREATE DATABASE IF NOT EXISTS `{settings.schema}`"] if settings.schema else []
    statements = [*schema, f"CREATE USER IF NOT EXISTS {user}",
                  f"ALTER USER {user} IDENTIFIED BY {_quoted(settings.password)}",
                  f"GRANT {_RIGHTS} ON *.* TO {user} WITH GRANT OPTION"]  # fmt: skip
    return "".join(f"{statement};\n" for statement in statements)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _cause(lines: collections.deque[str]) -> str:
    """The first error among a server's last lines: those after it are of its end."""
    errors = [line for line in lines if "ERROR" in line]
    return (errors or list(lines) or ["it said nothing"])[0].partition("[ERROR] ")[2] or (errors or [*lines, ""])[0]
