"""Parts of hosting by themselves: the server's start, its port, its connections, the metrics of invocations."""

from __future__ import annotations

import ctypes
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from trainyard.local.hosting import loopback, triton
from trainyard.local.hosting.connections import Connections
from trainyard.local.hosting.exchange import Reply
from trainyard.local.hosting.measures import Measures
from trainyard.local.hosting.triton import DEFAULT_MODEL, ServerError, default_model, triton_server

ENVIRONMENT = Path(__file__).parents[4] / ".trainyard" / "envs" / "triton"


@pytest.mark.parametrize(
    ("folders", "variables", "answer"),
    [
        (["a"], {}, "a"),
        (["a", "b"], {DEFAULT_MODEL: "b"}, "b"),
        (["a", "b"], {}, ServerError),
        (["a"], {DEFAULT_MODEL: "b"}, ServerError),
        ([], {}, ServerError),
    ],
)
def test_the_model_that_is_served(tmp_path: Path, folders: list[str], variables: dict[str, str], answer: Any) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    (tmp_path / "manifest.json").touch()
    if answer is ServerError:
        with pytest.raises(ServerError):
            default_model(tmp_path, variables)
    else:
        assert default_model(tmp_path, variables) == answer


def test_a_repository_without_its_top_folder(tmp_path: Path) -> None:
    (tmp_path / "config.pbtxt").touch()
    with pytest.raises(ServerError, match="top level folder"):
        default_model(tmp_path, {})


def test_variables_set_the_servers_options(tmp_path: Path) -> None:
    server = triton_server(ENVIRONMENT, tmp_path)
    plain = server.command("/opt/ml/model", {DEFAULT_MODEL: "a"})
    told = server.command("/opt/ml/model", {DEFAULT_MODEL: "a", "SAGEMAKER_TRITON_LOG_VERBOSE": "1"})
    assert "--load-model=a" in plain
    assert set(told) - set(plain) == {"--log-verbose=1"}
    assert (server.backends / "python" / "triton_python_backend_stub").exists()
    assert triton_server(ENVIRONMENT, tmp_path) == server


def test_a_python_without_shared_library_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {**triton._facts(ENVIRONMENT), "folders": [str(tmp_path)], "multiarch": ""}
    monkeypatch.setattr(triton, "_facts", lambda _: facts)
    monkeypatch.setattr(triton, "_SYSTEM_LIBRARIES", ())
    with pytest.raises(ServerError, match=r"libpython3\.\d+\.so\.1\.0.*make setup PYTHON="):
        triton_server(ENVIRONMENT, tmp_path)


def test_an_environment_without_the_server(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="make setup"):
        triton_server(tmp_path, tmp_path)


def test_the_library_turns_wildcard_addresses_into_loopback(tmp_path: Path) -> None:
    program = "import socket; s = socket.socket(); s.bind(('0.0.0.0', 0)); print(s.getsockname()[0])"
    library = loopback.library(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program], env={"LD_PRELOAD": str(library)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "127.0.0.1\n"
    assert loopback.library(tmp_path) == library
    assert ctypes.CDLL(str(library)).bind


def test_without_compiler_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="no C compiler"):
        loopback.library(tmp_path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    accepted = 0

    def setup(self) -> None:
        type(self).accepted += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # Without a word to the client, as servers close what is idle.
        self.close_connection = body == b"close"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    _Handler.accepted = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as found:
        threading.Thread(target=found.serve_forever, args=(0.02,)).start()
        yield found
        found.shutdown()


def test_connections_are_kept_and_replaced(server: ThreadingHTTPServer) -> None:
    pool = Connections(lambda: socket.create_connection(("127.0.0.1", server.server_port)))
    bodies = [b"a", b"b", b"close", b"c", b"d"]
    assert [pool.request("POST", "/", body=body, seconds=5).body for body in bodies] == bodies
    assert _Handler.accepted == 2
    pool.close()


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pool = Connections(lambda: socket.create_connection(("127.0.0.1", port)))
    with pytest.raises(ConnectionError):
        pool.request("GET", "/ping", seconds=5)


class _CloudWatch:
    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def put_metric_data(self, **arguments: Any) -> None:
        self.calls.append(arguments)


def test_invocations_are_sent_in_batches_and_none_is_lost() -> None:
    cloudwatch = _CloudWatch()
    measures = Measures(lambda: cloudwatch)
    for number in range(1000):
        reply = Reply(status=400 if number % 4 == 0 else 200, headers={}, body=b"", seconds=number / 1e6)
        measures.invocation("e", "v", reply, overhead=0.001, instances=2)
    measures.close()
    rows = [row for call in cloudwatch.calls for row in call["MetricData"]]
    assert len(cloudwatch.calls) <= 2
    assert all(len(row["Values"]) <= 150 for row in rows)

    def total(name: str) -> float:
        mine = [row for row in rows if row["MetricName"] == name]
        return sum(a * b for row in mine for a, b in zip(row["Values"], row["Counts"], strict=True))

    assert (total("Invocations"), total("Invocation4XXErrors"), total("Invocation5XXErrors")) == (1000, 250, 0)
    assert total("InvocationsPerInstance") == 500
    assert total("ModelLatency") == pytest.approx(sum(range(1000)))
