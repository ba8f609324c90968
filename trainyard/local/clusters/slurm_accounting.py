"""slurmdbd of a cluster: its configuration, and what slurm.conf says of it.

Source: slurmdbd.conf(5) and slurm.conf(5), Slurm 22.05, read 2026-11-22.
"""

import re
from dataclasses import dataclass, field

FILE = "slurmdbd.conf"
PORT = 6819
"""DbdPort's own value."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The database that slurmdbd keeps its tables in."""

    host: str
    """Name or address."""
    port: int
    """TCP port."""
    schema: str
    """Made where it is missing."""
    user: str
    """Who may make and change it."""
    password: str = field(repr=False)
    """The user's."""

    def __post_init__(self) -> None:
        # The file has no quotes: these end a value, or begin another.
        for name in ("user", "password"):
            if re.search(r"[\s#\"]", getattr(self, name)) or not getattr(self, name):
                raise ValueError(
                    f"{name} of the accounting database: slurmdbd.conf cannot hold it: it is empty, or has a space, "
                    "# or a quote. Take another."
                )


def daemon_configuration(storage: Storage, controller: str, plugins: str) -> str:
    """Writes slurmdbd.conf, which holds a password.

    Args:
        storage: where it keeps its tables.
        controller: host name of the controller, on which it runs.
        plugins: folder of Slurm's plugins in a node.
    """
    lines = [
        "AuthType=auth/munge", f"DbdHost={controller}", f"DbdPort={PORT}", "SlurmUser=root", f"PluginDir={plugins}",
        "PidFile=/run/slurmdbd.pid", "LogFile=/var/log/slurm/slurmdbd.log",
        "StorageType=accounting_storage/mysql", f"StorageHost={storage.host}", f"StoragePort={storage.port}",
        f"StorageLoc={storage.schema}", f"StorageUser={storage.user}", f"StoragePass={storage.password}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def client_lines(controller: str) -> list[str]:
    """What slurm.conf says of it: where slurmctld and the clients find slurmdbd."""
    return ["AccountingStorageType=accounting_storage/slurmdbd", f"AccountingStorageHost={controller}",
            f"AccountingStoragePort={PORT}"]  # fmt: skip
