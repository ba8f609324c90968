"""A database in the network of a cluster: nodes find it by its name at its address, and nobody else does."""

import asyncio
import os

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.databases.instances import Database
from trainyard.local.namespaces import network
from trainyard.local.namespaces.forwarder import CHUNK_BYTES, Forwarder


class Door(Forwarder):
    """Passes connections of nodes on to a database."""

    def __init__(self, bridge: Bridge, database: Database) -> None:
        """Opens it.

        Args:
            bridge: the cluster's network.
            database: where it leads.

        Raises:
            ValueError: the database's address is another's, or outside the network.
            OSError: the kernel or `ip` refuses.
        """
        self._bridge, self._database = bridge, database
        self._namespace = bridge.plug(database.host, database.address)
        listener = network.listen(self._namespace, database.port, database.address)
        super().__init__([listener], database.host, database.port)

    def close(self) -> None:
        """Shuts it: connections end, the name is gone."""
        super().close()
        self._bridge.forget(self._database.host)
        os.close(self._namespace)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = await asyncio.to_thread(self._database.connect)
        return await asyncio.open_connection(sock=connection, limit=CHUNK_BYTES)
