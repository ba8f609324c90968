"""A server of an image of its own, as small as SageMaker's contract allows: the program `serve`.

Its model is a folder with the file `constant`. It answers an inference request with its constant added to every number,
holds as many models as CAPACITY says, and does on demand what servers do: `?` in the body's `id` names it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
CAPACITY = int(os.environ.get("CAPACITY", "1000"))
LOAD_SECONDS = float(os.environ.get("LOAD_SECONDS", "0"))
LOAD_GATE = os.environ.get("LOAD_GATE", "")
SERVER = uuid.uuid4().hex
models: dict[str, int] = {}
loading: list[str] = []
taken: list[bytes] = []
lock = threading.Lock()


def wait_at(gate: str) -> None:
    """Leaves a file in a folder, and waits until there is one called `open`."""
    Path(gate, f"{SERVER}-{uuid.uuid4().hex}").touch()
    while not Path(gate, "open").exists():
        time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        # As Triton's: not healthy while a model is being loaded.
        self.reply(400 if loading else 200, {"models": sorted(models)})

    def do_DELETE(self) -> None:
        with lock:
            gone = models.pop(self.path.rpartition("/")[2], None)
        self.reply(404 if gone is None else 200, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/models":
            self.load(json.loads(body))
        elif match := re.fullmatch(r"/models/(\w+)/invoke", self.path):
            self.add(body, models.get(match[1]))
        else:
            self.add(body, int((BASE / "model" / "constant").read_text()) if (BASE / "model").exists() else 0)

    def load(self, order: dict[str, str]) -> None:
        loading.append(order["model_name"])
        time.sleep(LOAD_SECONDS)
        if LOAD_GATE and order["model_name"] not in models:
            wait_at(LOAD_GATE)
        loading.remove(order["model_name"])
        constant = Path(order["url"], "constant")
        with lock:
            if not constant.exists():
                self.reply(400, {"error": "no constant"})
            elif order["model_name"] in models:
                self.reply(409, {})
            elif len(models) >= CAPACITY:
                self.reply(507, {"error": "No space left on device"})
            else:
                models[order["model_name"]] = int(constant.read_text())
                self.reply(200, {})

    def add(self, body: bytes, constant: int | None) -> None:
        if constant is None:
            self.reply(404, {})
            return
        request = json.loads(body)
        wanted = request.get("id", "")
        if wanted.startswith("sleep"):
            time.sleep(float(wanted.removeprefix("sleep ")))
        if wanted.startswith("gate "):
            wait_at(wanted.removeprefix("gate "))
        if wanted.startswith("allocate"):
            taken.append(b"x" * int(wanted.removeprefix("allocate ")) * 2**20)
        if wanted == "die" or "DIES" in os.environ:
            os._exit(1)
        if wanted == "stub":
            self.reply(500, {"error": "Stub process 'm' is not healthy."})
            return
        if wanted.startswith("stream"):
            self.stream([number + constant for number in request["data"]], wanted)
            return
        self.reply(200, {"data": [number + constant for number in request["data"]], "server": SERVER})

    def stream(self, numbers: list[int], wanted: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in numbers:
            part = f"data: {number}\n\n".encode()
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.flush()
            if wanted.startswith("stream gate ") and number == numbers[0]:
                wait_at(wanted.removeprefix("stream gate "))
        if wanted == "stream and break":
            self.close_connection = True
            return
        self.wfile.write(b"0\r\n\r\n")

    def reply(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    # As PID 1 of a container it would not end otherwise.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    port = os.environ.get("SAGEMAKER_BIND_TO_PORT")
    Server(("127.0.0.1", int(port)) if port else ("", 8080), Handler).serve_forever()
