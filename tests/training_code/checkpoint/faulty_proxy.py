"""A proxy in front of an S3 emulator that fails as networks and S3 do, on demand."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["500", "503", "403", "reset", "cut", "hang", "lost"]


@dataclass
class Failure:
    """What happens to the next requests that match, and then no more."""

    kind: Kind
    """A status; reset: the connection breaks while the body comes in; cut: while the answer goes out; hang: silence;
    lost: the request is carried out and its answer thrown away."""
    method: str
    contains: str = ""
    """Part of the path and query."""
    times: int = 1


class Proxy(ThreadingHTTPServer):
    """Forwards to ``target`` and counts requests."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.failures: list[Failure] = []
        self.requests: list[str] = []
        self.lock = threading.Lock()
        self.ended = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def failure(self, method: str, path: str) -> Kind | None:
        with self.lock:
            self.requests.append(f"{method} {path}")
            for failure in self.failures:
                if failure.times and failure.method == method and failure.contains in path:
                    failure.times -= 1
                    return failure.kind
        return None

    def count(self, method: str, contains: str = "") -> int:
        return sum(line.startswith(f"{method} ") and contains in line for line in self.requests)

    def handle_error(self, *_: object) -> None:
        import traceback

        traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _forward(self) -> None:
        kind = self.server.failure(self.command, self.path)
        length = int(self.headers.get("Content-Length", 0))
        if kind == "reset":
            self.rfile.read(length // 2)
            self._break()
            return
        body = self.rfile.read(length)
        if kind == "hang":
            self.server.ended.wait(20)
            self._break()
        elif kind in ("500", "503", "403"):
            code = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}[kind]
            self._answer(int(kind), {}, f"<Error><Code>{code}</Code><Message>on demand</Message></Error>".encode())
        else:
            connection = http.client.HTTPConnection(self.server.target)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if kind == "lost":
                self._break()
            else:
                self._answer(answer.status, dict(answer.getheaders()), content, cut=kind == "cut")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward  # noqa: N815

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        length = headers.get("content-length", headers.get("Content-Length", str(len(content))))
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._break()

    def _break(self) -> None:
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """A running proxy on a free port of the loopback."""
    server = Proxy(target)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
