"""The servers of all DB instances, by the id that RDS gives each of them."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainyard.local.clusters.node import available
from trainyard.local.databases.packages import missing
from trainyard.local.databases.server import DatabaseError, Server
from trainyard.local.databases.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database as those who use it know it."""

    host: str
    """Name of its endpoint."""
    address: str
    """IPv4 address of its endpoint, in a subnet of its subnet group."""
    port: int
    """TCP port of its endpoint."""
    groups: tuple[str, ...]
    """Security groups, whose rules say who may connect."""
    connect: Callable[[], socket.socket]
    """Opens a connection to it; raises OSError where it does not run."""


class Databases:
    """All servers of this cloud."""

    def __init__(self, folder: Path, layer: Path, *, obstacle: str = "") -> None:
        """Starts nothing.

        Args:
            folder: gets a folder for each.
            layer: of `packages`.
            obstacle: why there can be none, beside what the machine lacks; empty where there can.
        """
        self._folder, self._layer, self._obstacle = folder, layer, obstacle
        self._lock = threading.Lock()
        self._servers: dict[str, Server] = {}

    def obstacle(self) -> str:
        """Why there is no database on this machine; empty when there can be."""
        return self._obstacle or available() or missing(self._layer)

    def start(self, identity: str, settings: Settings) -> None:
        """Starts a database that is new, that was stopped, or that an earlier run of the cloud left.

        Raises:
            DatabaseError: it does not start.
        """
        if obstacle := self.obstacle():
            raise DatabaseError(obstacle)
        with self._lock:
            server = self._servers.get(identity)
            if server is None:
                server = self._servers[identity] = Server(identity.lower(), self._folder / identity, self._layer)
        server.start(settings)

    def find(self, identity: str) -> Server | None:
        """The server of an instance; None where it never started."""
        with self._lock:
            return self._servers.get(identity)

    def connect(self, identity: str) -> socket.socket:
        """A connection to a database's port.

        Raises:
            OSError: it does not run.
        """
        server = self.find(identity)
        if server is None:
            raise ConnectionRefusedError(f"{identity} does not run")
        return server.connect()

    def stop(self, identity: str) -> None:
        """Stops a database; its data stay."""
        if (server := self.find(identity)) is not None:
            server.stop()

    def discard(self, identity: str) -> None:
        """Ends a database with its data."""
        with self._lock:
            server = self._servers.pop(identity, None)
        if server is not None:
            server.discard()

    def close(self) -> None:
        """Stops all, side by side; they start again with the cloud."""
        with self._lock:
            servers = list(self._servers.values())
        ending = [threading.Thread(target=server.stop, name="stop a database") for server in servers]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()


def place(blocks: Sequence[str], taken: Collection[str]) -> str:
    """A free address in the first of a subnet group's subnets that has one: from above, as nodes come from below.

    Raises:
        DatabaseError: every subnet is full.
    """
    for block in blocks:
        network = ipaddress.IPv4Network(block)
        # The last address is AWS's own.
        for number in range(network.num_addresses - 2, 3, -1):
            if (address := str(network[number])) not in taken:
                return address
    raise DatabaseError(f"subnets {', '.join(blocks)}: no address is free. Use larger ones")
