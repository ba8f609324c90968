"""HTTP with one container over connections that are kept open."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Dial = Callable[[], socket.socket]
_KEPT = 64


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a container answered."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


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
        while True:
            with self._lock:
                connection, used = (self._idle.pop(), True) if self._idle else (_Connection(self._dial), False)
            try:
                reply = connection.exchange(method, path, body, headers or {}, seconds)
            except TimeoutError:
                connection.close()
                raise
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # A server may close what was idle too long: that says nothing about the server.
                if not used:
                    raise error if isinstance(error, OSError) else ConnectionError(repr(error)) from error
                continue
            with self._lock:
                if not connection.ended and len(self._idle) < _KEPT:
                    self._idle.append(connection)
                    return reply
            connection.close()
            return reply

    def close(self) -> None:
        """Closes what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
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

    def exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(seconds)
        self.request(method, path, body=body or None, headers=dict(headers))
        response = self.getresponse()
        content = response.read()
        self.ended = response.will_close
        return Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=content,
        )
