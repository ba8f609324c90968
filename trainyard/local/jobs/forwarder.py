"""The cloud's endpoint inside a host's own network: connections there are passed on to the cloud."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

_CHUNK_BYTES = 256 * 1024


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
        for listener in self._listeners:
            start = asyncio.start_server(self._serve, sock=listener, limit=_CHUNK_BYTES)
            self._loop.run_until_complete(start)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._target, limit=_CHUNK_BYTES)
        except OSError:
            # The cloud is gone: the client sees a closed connection, as it would without the forwarder.
            writer.close()
            return
        try:
            # A cancelled task would be reported as an error by asyncio's own callback.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        finally:
            inner_writer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Either side may end at any time; a half-closed connection still carries the answer.
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
