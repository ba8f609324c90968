"""A server that gives the files of a folder by range as S3 does, each answer after a while, in a process of its own.

The embedded cloud reads a whole object for every range of it, which would be all that a benchmark of ranges measures.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

READY = "listening on "


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and content are two writes, and the second would wait for the first one's late acknowledgement.
    disable_nagle_algorithm = True

    def __init__(self, folder: Path, delay: float, *arguments: Any) -> None:
        self._folder, self._delay = folder, delay
        super().__init__(*arguments)

    def do_GET(self) -> None:
        time.sleep(self._delay)
        address = urlsplit(self.path)
        _, _, key = address.path.lstrip("/").partition("/")
        if not key:
            self._list(parse_qs(address.query)["prefix"][0])
            return
        path = self._folder / key
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, last = (int(asked[1]), min(int(asked[2]), size - 1)) if asked else (0, size - 1)
        with path.open("rb") as stream:
            stream.seek(start)
            content = stream.read(last - start + 1)
        headers = {"Content-Range": f"bytes {start}-{last}/{size}"} if asked else {}
        self._answer(206 if asked else 200, content, headers)

    def _list(self, prefix: str) -> None:
        rows = "".join(
            f"<Contents><Key>{prefix}{path.name}</Key><Size>{path.stat().st_size}</Size></Contents>"
            for path in (self._folder / prefix).iterdir()
        )
        self._answer(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode(), {})

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that has ended is no error."""


@contextmanager
def far_s3(folder: Path, delay: float) -> Iterator[dict[str, str]]:
    """Such a server for the bucket of any name; the variables that point every AWS SDK to it.

    Args:
        folder: Whose files are the objects.
        delay: Seconds before each answer.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.far_s3", str(folder), str(delay)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip().removeprefix(READY)
        yield {
            "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
    finally:
        process.terminate()
        process.wait()


def main(folder: Path, delay: float) -> None:
    """Serve until the process is ended."""
    with _Server(("127.0.0.1", 0), partial(_Handler, folder, delay)) as server:
        print(f"{READY}http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
