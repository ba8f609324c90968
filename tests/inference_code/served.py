"""A real tritonserver on loopback, over folders of models."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient import grpc

from trainyard.local.hosting.triton import triton_server

sys.path.insert(0, str(Path(__file__).parents[1]))
from ports import free_port

ENVIRONMENT = Path(__file__).parents[2] / ".trainyard" / "envs" / "triton"
_KINDS = {np.dtype(np.int64): "INT64", np.dtype(np.float32): "FP32", np.dtype(np.uint8): "UINT8"}


class Server:
    """A server that has started; models are loaded when a test asks for them."""

    def __init__(self, address: str, log: Path) -> None:
        self.client, self.log = grpc.InferenceServerClient(address), log

    def load(self, name: str) -> None:
        """Load a model, or say what the server's log says."""
        try:
            self.client.load_model(name)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.log.read_text()[-3000:]}") from error

    def ask(self, model: str, arrays: Mapping[str, Any], **arguments: Any) -> dict[str, Any]:
        """Outputs by name."""
        inputs = []
        for name, array in arrays.items():
            inputs.append(grpc.InferInput(name, array.shape, _KINDS[array.dtype]))
            inputs[-1].set_data_from_numpy(array)
        found = self.client.infer(model, inputs, **arguments)
        return {output.name: found.as_numpy(output.name) for output in found.get_response().outputs}

    def hits(self, model: str) -> int:
        """Requests that the response cache answered."""
        (found,) = self.client.get_inference_statistics(model).model_stats
        return int(found.inference_stats.cache_hit.count)


@contextlib.contextmanager
def serving(repository: Path, folder: Path) -> Iterator[Server]:
    """Run the server over ``repository``, with a response cache; ``folder`` is for its files."""
    found = triton_server(ENVIRONMENT, folder / "derived")
    port, log = free_port(), folder / "server.log"
    caches = found.program.parents[1] / "caches"
    command = [
        str(found.program), f"--model-repository={repository}", f"--backend-directory={found.backends}",
        "--model-control-mode=explicit", "--model-namespacing=true", "--exit-timeout-secs=0", "--allow-http=false",
        "--allow-metrics=false", "--grpc-address=127.0.0.1", f"--grpc-port={port}",
        f"--cache-directory={caches}", "--cache-config=local,size=1048576",
    ]  # fmt: skip
    path = f"{ENVIRONMENT.resolve() / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "LD_LIBRARY_PATH": found.library_path, "PATH": path}
    with log.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        try:
            server = Server(f"127.0.0.1:{port}", log)
            deadline = time.monotonic() + 240
            while not _ready(server):
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.05)
            yield server
            server.client.close()
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _ready(server: Server) -> bool:
    try:
        return bool(server.client.is_server_ready())
    except Exception:
        return False
