"""The cloud's endpoint inside a host's own network: connections there are passed on to the cloud."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

CHUNK_BYTES = 256 * 1024
"""Read at once of a connection."""


class Forwarder:
    """Passes connections that listeners accept on to one address, on a thread of its own.

    The listeners may belong to other network namespaces than this process: a socket stays where it was made.
    """

    def __init__(self, listeners: Sequence[socket.socket], host: str, port: int) -> None:
        """Starts at once.

        Args:
            listeners: listening sockets; closed by `close`.
            host: host to pass connections on to.
            port: port to pass connections on to.
        """
        self._listeners = listeners
        self._target = (host, port)
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="endpoint forwarder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends all connections and the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        for listener in self._listeners:
            listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        servers = [
            self._loop.run_until_complete(asyncio.start_server(self._serve, sock=listener, limit=CHUNK_BYTES))
            for listener in self._listeners
        ]
        self._loop.run_forever()
        for server in servers:
            server.close()
        # A connection that was just accepted becomes a task only now.
        while tasks := asyncio.all_tasks(self._loop):
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(tasks))
        self._loop.close()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._target, limit=CHUNK_BYTES)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await self._reach()
        except OSError:
            # The cloud is gone: the client sees a closed connection, as it would without the forwarder.
            writer.close()
            return
        # The loop itself holds streams and what waits for them weakly.
        connection = asyncio.current_task()
        assert connection
        self._connections.add(connection)
        try:
            # A cancelled task would be reported as an error by asyncio's own callback.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        finally:
            self._connections.discard(connection)
            inner_writer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        # A half-closed connection still carries the answer.
        writer.write_eof()
    except OSError:
        # Whoever is gone without a word wants no answer.
        writer.close()
