"""InvokeEndpointAsync: requests wait in a queue that outlives the cloud, and are answered into S3.

Sources, read 2026-11: InvokeEndpointAsync (runtime API reference); "Asynchronous inference": requests are taken in the
order in which they came, kept for six hours and answered within 15 minutes unless they say otherwise; an input has at
most 1 GB. A request that was under way when the cloud went down is asked again: as on AWS, it may be answered twice.
"""

import base64
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

import botocore.session

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Context
from trainyard.local.hosting.answers import Answer
from trainyard.local.hosting.async_result import Outcome, deliver
from trainyard.local.hosting.configs import ENDPOINT
from trainyard.local.hosting.deployment import Deployment
from trainyard.local.hosting.exchange import JSON
from trainyard.local.hosting.invocation import Invocations
from trainyard.local.hosting.invocation_request import INFERENCE_ID, read_request
from trainyard.local.transfer import Location, Transfer, TransferError

QUEUED: Final = "async-invocation"
_TTL_SECONDS, _TIMEOUT_SECONDS = 21_600.0, 900.0
_LONGEST_INPUT_BYTES = 1 << 30
_AT_ONCE = 4
"""Requests an instance when MaxConcurrentInvocationsPerInstance is not given: AWS chooses by itself."""
_POLL_SECONDS = 0.2
_PREFIX = "x-amzn-sagemaker-"
Serving = Callable[[str], AbstractContextManager[Deployment]]


class AsyncInvocations:
    """The queue, and the threads that work it off."""

    def __init__(self, context: Context, invocations: Invocations, serving: Serving) -> None:
        """Starts nothing.

        Args:
            context: the rest of the cloud.
            invocations: asks variants.
            serving: gives what serves an endpoint.
        """
        self._context, self._invocations, self._serving = context, invocations, serving
        model = botocore.session.get_session().get_service_model("sagemaker-runtime")
        self._maximum_bytes: int = model.shape_for("AsyncBodyBlob").metadata["max"]
        self._closed, self._news = threading.Event(), threading.Event()
        self._running: dict[str, threading.Thread] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="asynchronous invocations", daemon=True)

    def start(self) -> None:
        """Begins to work off what is queued."""
        self._thread.start()

    def stop(self) -> None:
        """Takes nothing more; what is under way stays queued for the next start."""
        self._closed.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def accept(self, name: str, deployment: Deployment, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Queues one invocation.

        Raises:
            ServiceError: ValidationError, the endpoint is none of this kind, or the request says too little.
        """
        config = deployment.plan.asynchronous
        if config is None:
            raise ServiceError("ValidationError", f"Endpoint {name} has no AsyncInferenceConfig. Use InvokeEndpoint.")
        given = {key.lower(): value for key, value in headers.items()}
        location = given.get(f"{_PREFIX}inputlocation")
        if (location is None) == (not body):
            raise ServiceError("ValidationError", "InputLocation and Body: one of them must be given. Give one.")
        if location is not None and not location.startswith("s3://"):
            raise ServiceError("ValidationError", f"InputLocation: got {location!r}. Write s3://bucket/key.")
        request = read_request(body, headers, maximum_bytes=self._maximum_bytes, seconds=0)
        inference = request.inference_id or str(uuid.uuid4())
        output, mark = config["OutputConfig"], str(uuid.uuid4())
        extension = given.get(f"{_PREFIX}s3outputpathextension", "").strip("/")
        target = Location.parse(output["S3OutputPath"])
        target = target / extension if extension else target
        file = given.get(f"{_PREFIX}filename") or f"{mark}.out"
        found = {"X-Amzn-SageMaker-OutputLocation": str(target / file)}
        if "S3FailurePath" in output:
            failed = Location.parse(output["S3FailurePath"]) / f"{mark}-error.out"
            found["X-Amzn-SageMaker-FailureLocation"] = str(failed)
        document = {
            "Id": mark,
            "EndpointName": name,
            "InferenceId": inference,
            "InputLocation": location,
            "Body": base64.b64encode(body).decode(),
            "Headers": {**request.question.headers, INFERENCE_ID: inference},
            "OutputLocation": found["X-Amzn-SageMaker-OutputLocation"],
            "FailureLocation": found.get("X-Amzn-SageMaker-FailureLocation"),
            "Received": time.time(),
            "TTL": _number(given, "requestttlseconds", _TTL_SECONDS),
            "Timeout": _number(given, "invocationtimeoutseconds", _TIMEOUT_SECONDS),
        }
        self._context.store.insert(QUEUED, f"{name}/{mark}", document)
        self._news.set()
        content = f'{{"InferenceId":"{inference}"}}'.encode()
        return Answer(status=202, headers={**found, "Content-Type": JSON}, body=content)

    def _run(self) -> None:
        published = time.monotonic()
        while not self._closed.is_set():
            self._news.wait(_POLL_SECONDS)
            self._news.clear()
            for name in {row["EndpointName"] for row in self._context.store.list(QUEUED)}:
                self._dispatch(name)
            if time.monotonic() - published >= self._context.minute_seconds:
                published = time.monotonic()
                self._publish()

    def _dispatch(self, name: str) -> None:
        """Starts as many of an endpoint's requests as its instances take."""
        if self._context.store.get(ENDPOINT, name) is None:
            for row in self._context.store.list(QUEUED, f"{name}/"):
                self._context.store.delete(QUEUED, f"{name}/{row['Id']}")
            return
        with suppress(ServiceError), self._serving(name) as deployment:
            config = deployment.plan.asynchronous or {}
            each = config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", _AT_ONCE)
            healthy = sum(one.state == "healthy" for variant in deployment.variants for one in variant.replicas)
            for row in self._context.store.list(QUEUED, f"{name}/"):
                with self._lock:
                    if row["Id"] in self._running:
                        continue
                    expired = time.time() > row["Received"] + row["TTL"]
                    if not expired and self._counts.get(name, 0) >= healthy * each:
                        continue
                    thread = threading.Thread(target=self._answer, args=(row,), name=f"async {row['Id']}", daemon=True)
                    self._running[row["Id"]] = thread
                    self._counts[name] = self._counts.get(name, 0) + 1
                thread.start()

    def _answer(self, row: dict[str, Any]) -> None:
        name = row["EndpointName"]
        try:
            with self._serving(name) as deployment:
                began = time.time()
                outcome = self._ask(name, deployment, row)
                if self._closed.is_set() and not outcome.succeeded:
                    # The cloud goes down, and its servers with it: the next start asks again.
                    return
                figures = deliver(self._context, deployment, row, outcome)
                where = (("EndpointName", name), ("VariantName", deployment.variants[0].plan.name))
                waited = (("TimeInBacklog", began - row["Received"]), ("TotalProcessingTime", time.time() - began))
                self._invocations.measures.take(where, [*figures, *waited])
            self._context.store.delete(QUEUED, f"{name}/{row['Id']}")
        except ServiceError:
            # Nothing serves it now: it stays queued.
            time.sleep(_POLL_SECONDS)
        finally:
            with self._lock:
                self._running.pop(row["Id"], None)
                self._counts[name] -= 1
            self._news.set()

    def _ask(self, name: str, deployment: Deployment, row: Mapping[str, Any]) -> Outcome:
        if time.time() > row["Received"] + row["TTL"]:
            return Outcome(problem="The request was not taken from the queue within RequestTTLSeconds.", expired=True)
        role = deployment.variants[0].plan.role
        try:
            body = base64.b64decode(row["Body"]) or self._read(role, row["InputLocation"])
        except (TransferError, ServiceError) as error:
            return Outcome(problem=f"ClientError: the input cannot be read: {error}")
        reply = self._invocations.ask(name, deployment, body, row["Headers"], seconds=row["Timeout"])
        return Outcome(reply=reply)

    def _read(self, role: str, uri: str) -> bytes:
        source = Location.parse(uri)
        transfer = Transfer(self._context.platform.role_client("s3", role, "SageMaker"), role)
        found = bytearray()
        for chunk in transfer.read(source.bucket, source.key):
            found += chunk
            if len(found) > _LONGEST_INPUT_BYTES:
                raise TransferError(f"{uri} has more than {_LONGEST_INPUT_BYTES} bytes. Make it smaller.")
        return bytes(found)

    def _publish(self) -> None:
        """The backlog of every asynchronous endpoint, which has the dimension EndpointName alone."""
        for endpoint in self._context.store.list(ENDPOINT):
            if not (endpoint["Plan"] or {}).get("asynchronous"):
                continue
            name = endpoint["EndpointName"]
            waiting = self._context.store.list(QUEUED, f"{name}/")
            instances = 0
            with suppress(ServiceError), self._serving(name) as deployment:
                instances = sum(one.state == "healthy" for variant in deployment.variants for one in variant.replicas)
            oldest = max((time.time() - row["Received"] for row in waiting), default=0.0)
            figures = [
                ("ApproximateBacklogSize", float(len(waiting))),
                ("ApproximateAgeOfOldestRequest", oldest),
                ("HasBacklogWithoutCapacity", float(bool(waiting) and not instances)),
            ]
            if instances:
                figures.append(("ApproximateBacklogSizePerInstance", len(waiting) / instances))
            self._invocations.measures.take((("EndpointName", name),), figures)


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(_PREFIX + name)
    if text is None:
        return default
    if not text.isdecimal():
        raise ServiceError("ValidationError", f"{name}: got {text[:20]!r}, but it is a number of seconds.")
    return float(text)
