"""A real Triton on loopback, with its HTTP API and its metrics, for measurements."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from types import MappingProxyType
from typing import Any

from trainyard.load.batches import Counts, read_metrics
from trainyard.local.hosting.triton import triton_server
from trainyard.operations.connection import OperationError

_START_SECONDS = 60.0
_POLL_SECONDS = 0.05
_LOAD_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs."""

    url: str
    """Address of its HTTP API."""
    metrics_url: str
    """Address of its metrics."""
    pid: int
    """Its process; models of the python backend are children of it."""

    def configuration(self, model: str) -> dict[str, Any]:
        """A loaded model's configuration, with everything that the server filled in."""
        return dict(json.loads(self._call(f"/v2/models/{model}/config")))

    def load(self, model: str, configuration: Mapping[str, Any] | None = None) -> None:
        """Load a model, again where it is loaded, with another configuration than its folder's where one is given.

        Raises:
            OperationError: The server refuses it; the message holds its own words.
        """
        given = {} if configuration is None else {"parameters": {"config": json.dumps(configuration)}}
        self._call(f"/v2/repository/models/{model}/load", given)

    def unload(self, model: str) -> None:
        """Unload a model."""
        self._call(f"/v2/repository/models/{model}/unload", {})

    def counts(self, model: str) -> Counts:
        """What the server has done with a model."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as answer:
            text = answer.read().decode()
        return read_metrics(text).get(model, Counts(requests=0, executions=0))

    def _call(self, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=_LOAD_SECONDS) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")
            raise OperationError(f"Triton refuses {path}: {' '.join(told.split())[:500]}") from None
        except OSError as error:
            raise OperationError(f"Triton does not answer {path}: {error}") from None


@contextmanager
def running(
    environment: Path,
    repository: Path,
    scratch: Path,
    *,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Server]:
    """A server of ``repository`` without a model loaded; it ends with the block.

    Args:
        environment: Python environment with the pytriton wheel; its Python runs the models.
        repository: Folder of models' folders.
        scratch: Folder for backends and the log.
        arguments: More of the command line.
        variables: More of the environment.

    Raises:
        OperationError: The server does not start.
        ServerError: The environment has no server.
    """
    found = triton_server(environment, scratch)
    http, metrics = free_port(), free_port()
    command = [
        str(found.program),
        f"--model-repository={repository}",
        f"--backend-directory={found.backends}",
        "--model-control-mode=explicit",
        # Nothing is asked any more when it ends: unloading its models then would be two seconds for nothing.
        "--exit-timeout-secs=0",
        "--http-address=127.0.0.1",
        f"--http-port={http}",
        "--metrics-address=127.0.0.1",
        f"--metrics-port={metrics}",
        "--allow-grpc=false",
        "--allow-gpu-metrics=false",
        "--allow-cpu-metrics=false",
        "--log-info=false",
        *arguments,
    ]
    told = {
        **os.environ,
        **variables,
        "LD_LIBRARY_PATH": found.library_path,
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    log = scratch / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=told, stdout=out, stderr=subprocess.STDOUT)
    url, metrics_url = f"http://127.0.0.1:{http}", f"http://127.0.0.1:{metrics}/metrics"
    server = Server(url=url, metrics_url=metrics_url, pid=process.pid)
    try:
        _await(server, process, log)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/v2/health/live", timeout=1):
                return
        except OSError:
            time.sleep(_POLL_SECONDS)
    told = " ".join(log.read_text(errors="replace").split())[-500:]
    raise OperationError(f"Triton did not start: {told or 'it said nothing'}")


def free_port() -> int:
    """A port of the loopback that was free a moment ago."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
