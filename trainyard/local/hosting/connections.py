"""HTTP with one container over connections that are kept open."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from trainyard.local.hosting.exchange import Reply, StreamedReply

__all__ = ["Connections", "Dial", "Reply"]

Dial = Callable[[], socket.socket]
_KEPT = 64
_PART_BYTES = 1 << 16


class Connections:
    """A pool of connections; safe from any thread."""

    def __init__(self, dial: Dial) -> None:
        """Opens nothing yet.

        Args:
            dial: opens a connection, in whatever network the container lives.
        """
        self._dial = dial
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, seconds: float
    ) -> Reply:
        """Sends one request and reads the whole answer.

        Args:
            method: HTTP method.
            path: path of the URL.
            body: the request's body.
            headers: its headers.
            seconds: longest wait for any part of the answer.

        Raises:
            TimeoutError: no answer in that time.
            OSError: the container does not listen, or closed the connection.
        """
        began = time.perf_counter()
        connection, response = self._begin(method, path, body, headers or {}, seconds)
        try:
            content = response.read()
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(repr(error)) from error
        except OSError:
            connection.close()
            raise
        self._give_back(connection)
        return Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=content,
            seconds=time.perf_counter() - began,
        )

    def stream(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None, seconds: float
    ) -> StreamedReply:
        """Sends one request and gives the answer as it comes; see `request`."""
        connection, response = self._begin(method, path, body, headers or {}, seconds)

        def parts() -> Iterator[bytes]:
            whole = False
            try:
                while part := response.read1(_PART_BYTES):
                    yield part
                # The connection's end in the middle of a body of known length is no end of the body.
                if response.length:
                    raise ConnectionError(f"{response.length} bytes of the answer are missing")
                whole = True
            except http.client.HTTPException as error:
                raise ConnectionError(repr(error)) from error
            finally:
                if whole:
                    self._give_back(connection)
                else:
                    connection.close()

        return StreamedReply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            parts=parts(),
        )

    def close(self) -> None:
        """Closes what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _begin(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> "tuple[_Connection, http.client.HTTPResponse]":
        while True:
            with self._lock:
                connection, used = (self._idle.pop(), True) if self._idle else (_Connection(self._dial), False)
            try:
                return connection, connection.exchange(method, path, body, headers, seconds)
            except TimeoutError:
                connection.close()
                raise
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # A server may close what was idle too long: that says nothing about the server.
                if not used:
                    raise error if isinstance(error, OSError) else ConnectionError(repr(error)) from error

    def _give_back(self, connection: "_Connection") -> None:
        with self._lock:
            if not connection.ended and len(self._idle) < _KEPT:
                self._idle.append(connection)
                return
        connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__("127.0.0.1")
        self._dial = dial
        self.ended = False

    def connect(self) -> None:
        self.sock = self._dial()
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> http.client.HTTPResponse:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(seconds)
        self.request(method, path, body=body or None, headers=dict(headers))
        response = self.getresponse()
        self.ended = response.will_close
        return response
