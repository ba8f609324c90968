"""A model that adds a number, or breaks at every request; and clients that ask all the time."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections import Counter
from typing import Any, Self

from botocore.exceptions import ClientError

CONFIG = """
name: "plus"
backend: "python"
max_batch_size: 0
input [ { name: "x" data_type: TYPE_INT64 dims: [ -1 ] } ]
output [ { name: "y" data_type: TYPE_INT64 dims: [ -1 ] } ]
"""
MODEL = """
import time

import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        time.sleep(SECONDS)
        if NUMBER is None:
            error = pb.TritonError("this model breaks at every request")
            return [pb.InferenceResponse([], error) for _ in requests]
        answers = []
        for request in requests:
            x = pb.get_input_tensor_by_name(request, "x").as_numpy()
            answers.append(pb.InferenceResponse([pb.Tensor("y", x + NUMBER)]))
        return answers

    def finalize(self):
        time.sleep(FAREWELL)
"""
BODY = json.dumps({"inputs": [{"name": "x", "datatype": "INT64", "shape": [1], "data": [1]}]}).encode()


def archive(number: int | None, seconds: float = 0.0, farewell: float = 0.0) -> bytes:
    """model.tar.gz of a model that adds `number` and takes `seconds`; None breaks at every request. Its server takes
    `farewell` seconds to end."""
    content = io.BytesIO()
    code = MODEL.replace("NUMBER", str(number)).replace("SECONDS", str(seconds)).replace("FAREWELL", str(farewell))
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in (("plus/config.pbtxt", CONFIG), ("plus/1/model.py", code)):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def ask(runtime: Any, endpoint: str, **arguments: Any) -> int:
    """What the model makes of 1."""
    answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=BODY, **arguments)
    return int(json.loads(answer["Body"].read())["outputs"][0]["data"][0])


class Load:
    """Clients that ask one endpoint until they are told to stop: `with Load(...) as load`."""

    def __init__(self, runtime: Any, endpoint: str, clients: int = 2, pause: float = 0.0, **arguments: Any) -> None:
        self.answers: Counter[int | str] = Counter()
        """How often which number, or which error, was answered."""
        self._runtime, self._endpoint, self._pause, self._arguments = runtime, endpoint, pause, arguments
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def take(self) -> Counter[int | str]:
        """The answers until now; what follows is counted afresh."""
        with self._lock:
            taken, self.answers = self.answers, Counter()
        return taken

    def more(self, count: int) -> Counter[int | str]:
        """The answers from now on, once there are so many."""
        self.take()
        deadline = time.monotonic() + 60
        while self.answers.total() < count:
            assert time.monotonic() < deadline, f"not {count} answers within 60 s"
            time.sleep(0.02)
        return self.take()

    def _run(self) -> None:
        while not self._ended.is_set():
            found: int | str
            try:
                found = ask(self._runtime, self._endpoint, **self._arguments)
            except ClientError as error:
                found = f"{error.response['Error']['Code']} {error.response.get('OriginalStatusCode', '')}".strip()
            with self._lock:
                self.answers[found] += 1
            time.sleep(self._pause)
