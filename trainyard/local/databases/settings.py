"""How a MariaDB is made and started: its system tables, its options, and what is true after every start.

Sources, read 2026-11-22: mariadbd options and "Installing system tables" (MariaDB Knowledge Base, 10.11); "Master user
account privileges" and "MariaDB feature support" (Amazon RDS User Guide): a master user has no SUPER, and automated
backups turn the binary log on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

DATA = "/var/lib/mysql"
"""Where its data lie on its machine."""
SOCKET = "/run/mariadb.socket"
"""For its administrator, who is root of the machine."""
FIRST = "/run/first.sql"
"""What it runs before it takes connections."""
_BUFFER_MIB = 32
"""RDS gives three quarters of an instance's memory; there is no instance here."""
_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, "
    "ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, REPLICATION SLAVE, SLAVE MONITOR"
)
BOOTSTRAP = r"""
{ printf '%s\n' 'create database mysql;' 'use mysql;' "set @auth_root_socket='root';" 'set @skip_auth_anonymous=1;'
  cat /usr/share/mysql/mysql_system_tables.sql /usr/share/mysql/mysql_system_tables_data.sql
  printf '%s\n' "delete from global_priv where User='root' and Host<>'localhost';"
} | mariadbd --no-defaults --bootstrap --user=root --datadir=/var/lib/mysql --lc-messages-dir=/usr/share/mysql \
  --innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0
"""
"""Makes the system tables, in a shell of the machine."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server starts with."""

    user: str
    """Master user."""
    password: str = field(repr=False)
    """The master user's."""
    schema: str
    """Made at the start where it is missing; empty for none."""
    port: int
    """TCP port."""
    parameters: Mapping[str, str]
    """Of the parameter group, by the server's own names."""
    binary_log: bool
    """Whether changes are logged, as with automated backups."""


def command(settings: Settings) -> list[str]:
    """The server with its options."""
    own = {
        "user": "root", "datadir": DATA, "socket": SOCKET, "pid-file": "/run/mariadb.pid", "init-file": FIRST,
        # Where nobody but `connect` comes in, names are addresses of nobody.
        "bind-address": "127.0.0.1", "port": str(settings.port), "skip-name-resolve": "ON",
        "lc-messages-dir": "/usr/share/mysql", "innodb-buffer-pool-size": f"{_BUFFER_MIB}M",
    }  # fmt: skip
    log = {"log-bin": "binary", "server-id": "1"} if settings.binary_log else {}
    return ["mariadbd", "--no-defaults", *(f"--{name}={value}" for name, value in {**own, **log}.items()),
            *(f"--{name}={value}" for name, value in settings.parameters.items())]  # fmt: skip


def first(settings: Settings) -> str:
    """What is true after every start: the schema, the master user, its password and its rights."""
    user = f"{quoted(settings.user)}@'%'"
    schema = [f"CREATE DATABASE IF NOT EXISTS `{settings.schema}`"] if settings.schema else []
    statements = [*schema, f"CREATE USER IF NOT EXISTS {user}",
                  f"ALTER USER {user} IDENTIFIED BY {quoted(settings.password)}",
                  f"GRANT {_RIGHTS} ON *.* TO {user} WITH GRANT OPTION"]  # fmt: skip
    return "".join(f"{statement};\n" for statement in statements)


def quoted(text: str) -> str:
    """A text in a statement."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
