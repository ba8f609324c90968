"""What a client gets for each thing that a container may do, with a container that does it on demand."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting import invocation
from trainyard.local.hosting.connections import Connections
from trainyard.local.hosting.container import Blueprint, Container
from trainyard.local.hosting.invocation import Answer, Invocations
from trainyard.local.hosting.servers import Triton

from .conftest import request


class Server(BaseHTTPRequestHandler):
    """Does what the custom attributes say: `STATUS`, `hang`, `hang up`, `stub`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        wanted = self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "200")
        if wanted == "hang":
            time.sleep(1)
        if wanted in ("hang", "hang up"):
            self.close_connection = True
            return
        status, text = (500, b'{"error":"Stub process \'a\' is not healthy."}') if wanted == "stub" else (0, b"words")
        self.send_response(status or int(wanted))
        self.send_header("Content-Type", "text/x-answer")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"seen {wanted}")
        self.send_header("X-Secret", "internal")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Replica:
    """An instance that remembers what it was suspected of."""

    suspicion = ""
    reason = "it is being restarted"

    def suspect(self, reason: str) -> None:
        self.suspicion = reason


class Variant:
    """A variant of one instance, which may be away."""

    group = "/aws/sagemaker/Endpoints/e"

    def __init__(self, connections: Connections) -> None:
        single = type("ContainerPlan", (), {"many": False})
        self.plan = type("Plan", (), {"name": "live", "containers": [single], "component": None})
        self.replica, self.away = Replica(), False
        self.replicas = [self.replica]
        self._container = Container.__new__(Container)
        self._container.connections = connections
        self._container._server = Triton(None)
        self._container._blueprint = Blueprint(
            archive=None, environment=Path(), variables={}, derived=Path(), endpoint_url=""
        )

    @contextmanager
    def borrow(self, _target_model: str | None) -> Iterator[tuple[Replica, Container] | None]:
        yield None if self.away else (self.replica, self._container)


class Deployment:
    """One variant."""

    def __init__(self, variant: Variant) -> None:
        self.variants, self.shadows = [variant], []
        self.plan = type("Plan", (), {"capture": None, "asynchronous": None})

    def choose(self, target: str | None) -> Variant | None:
        return self.variants[0] if target in (None, "live") else None


class Context:
    """What invocations need of the cloud."""

    account, region, minute_seconds = "123456789012", "us-east-1", 60.0

    platform = SimpleNamespace(client=lambda _service: SimpleNamespace(put_metric_data=lambda **_: None))


@pytest.fixture
def variant() -> Iterator[Variant]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield Variant(Connections(lambda: socket.create_connection(("127.0.0.1", server.server_port))))
        server.shutdown()


@pytest.fixture
def ask(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(invocation, "_SECONDS", 0.3)
    invocations = Invocations(Context())

    def send(wanted: str = "200", body: bytes = b"", **headers: str) -> Answer:
        given = {"Content-Type": "application/json", "X-Amzn-SageMaker-Custom-Attributes": wanted, **headers}
        return invocations.invoke("e", Deployment(variant), body or request(1), given)

    yield send
    invocations.stop()


def test_what_passes_both_ways(ask: Any) -> None:
    answer = ask("201")
    assert (answer.status, answer.body) == (200, b"words")
    assert answer.headers == {
        "x-Amzn-Invoked-Production-Variant": "live",
        "X-Amzn-SageMaker-Custom-Attributes": "seen 201",
        "Content-Type": "text/x-answer",
    }


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ("400", 400, 'Received client error (400) from primary with message "words"'),
        ("503", 503, 'Received server error (503) from primary with message "words"'),
        ("hang", 0, "Your invocation timed out while waiting for a response from container primary"),
        ("hang up", 500, "the model server closed the connection"),
    ],
)
def test_a_container_that_fails(ask: Any, wanted: str, status: int, words: str) -> None:
    answer = ask(wanted)
    document = json.loads(answer.body)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert document["OriginalStatusCode"] == status
    assert words in document["Message"]


def test_a_server_without_its_models_process_is_replaced(ask: Any, variant: Variant) -> None:
    ask("500")
    assert variant.replica.suspicion == ""
    ask("stub")
    assert "Stub process" in variant.replica.suspicion


def test_no_healthy_instance(ask: Any, variant: Variant) -> None:
    variant.away = True
    with pytest.raises(ServiceError, match="it is being restarted") as raised:
        ask()
    assert (raised.value.code, raised.value.status) == ("ServiceUnavailable", 503)


def test_a_body_that_is_no_request_does_not_travel(ask: Any) -> None:
    answer = ask("200", body=b"hello")
    assert json.loads(answer.body)["OriginalStatusCode"] == 400


@pytest.mark.parametrize(
    "header",
    [
        "X-Amzn-SageMaker-Target-Model",
        "X-Amzn-SageMaker-Target-Container-Hostname",
        "X-Amzn-SageMaker-Session-Id",
        "X-Amzn-SageMaker-Enable-Explanations",
        "X-Amzn-SageMaker-Target-Variant",
    ],
)
def test_what_an_endpoint_here_does_not_have(ask: Any, header: str) -> None:
    with pytest.raises(ServiceError) as raised:
        ask(**{header: "something"})
    assert raised.value.code == "ValidationError"
