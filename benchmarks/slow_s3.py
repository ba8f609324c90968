"""A server that takes uploads as S3 does, so and so many bytes a second and connection, and keeps nothing."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PIECE_BYTES = 2**18


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_PUT(self) -> None:
        began, left, read = time.monotonic(), int(self.headers["Content-Length"]), 0
        while left:
            piece = len(self.rfile.read(min(left, PIECE_BYTES)))
            left, read = left - piece, read + piece
            time.sleep(max(0.0, began + read / self.server.bytes_per_second - time.monotonic()))
        self._answer(b"", ETag='"etag"')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        begins = "uploads" in parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        name = "InitiateMultipartUploadResult" if begins else "CompleteMultipartUploadResult"
        self._answer(f"<{name}><UploadId>1</UploadId></{name}>".encode())

    def _answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    bytes_per_second: float


@contextmanager
def slow_s3(bytes_per_second: float) -> Iterator[None]:
    """Point every AWS SDK to such a server on the loopback."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.bytes_per_second = bytes_per_second
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    before = dict(os.environ)
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}", AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1",
    )  # fmt: skip
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.shutdown()
        thread.join()
        server.server_close()
