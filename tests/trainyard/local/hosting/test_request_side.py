"""Parts of the side of requests by themselves: events, pieces, headers, shadows, samples, memory, serverless limits."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting import serverless
from trainyard.local.hosting.capture import Capture
from trainyard.local.hosting.event_stream import model_stream_error, payload_part
from trainyard.local.hosting.exchange import Question, Reply, StreamedReply
from trainyard.local.hosting.invocation_request import read_request
from trainyard.local.hosting.parts import Parts
from trainyard.local.hosting.plan import ServerlessPlan
from trainyard.local.hosting.serverless import ServerlessPool
from trainyard.local.hosting.shadow import Shadows, share
from trainyard.local.hosting.streaming import Events


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_events_are_read_by_botocore(parts: list[bytes]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(map(payload_part, parts)) + model_stream_error("words", "StreamBroken"))
    *events, failed = list(buffer)
    assert [event.payload for event in events] == parts
    assert all(event.headers[":event-type"] == "PayloadPart" for event in events)
    assert failed.headers[":exception-type"] == "ModelStreamError"
    assert json.loads(failed.payload) == {"Message": "words", "ErrorCode": "StreamBroken"}


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [(TimeoutError(), b"ModelInvocationTimeExceeded", 0), (ConnectionError("reset"), b"StreamBroken", 500)],
)
def test_a_stream_that_breaks_says_so(error: Exception, code: bytes, status: int) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a"
        raise error

    events = Events(StreamedReply(status=200, headers={}, parts=parts()))
    first, last = list(events)
    assert b"PayloadPart" in first
    assert code in last
    assert events.status == status


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_what_pieces_need_is_given_back_once(taken: int) -> None:
    ended: list[bool] = []
    parts = Parts(iter([b"a", b"b"]), lambda: ended.append(True))
    for _, _ in zip(range(taken), parts, strict=False):
        pass
    parts.close()
    parts.close()
    assert ended == [True]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"X-Amzn-SageMaker-Target-Model": "mödel.tar.gz"}, "printable ASCII"),
        ({"X-Amzn-SageMaker-Custom-Attributes": "a\x00b"}, "printable ASCII"),
        ({"X-Amzn-SageMaker-Session-Id": "s"}, "SessionId"),
    ],
)
def test_headers_that_no_container_may_get(headers: dict[str, str], words: str) -> None:
    with pytest.raises(ServiceError, match=words) as raised:
        read_request(b"", headers, maximum_bytes=10, seconds=1)
    assert raised.value.code == "ValidationError"


def test_a_request_that_is_too_large() -> None:
    with pytest.raises(ServiceError, match=r"less than or equal to 10 \(it has 11\)"):
        read_request(bytes(11), {}, maximum_bytes=10, seconds=1)


def test_operations_with_names_of_their_own_for_types() -> None:
    headers = {"X-Amzn-SageMaker-Content-Type": "text/csv", "X-Amzn-SageMaker-Accept": "text/plain"}
    question = read_request(b"", headers, maximum_bytes=10, seconds=1).question
    assert question.headers == {"content-type": "text/csv", "accept": "text/plain"}


@pytest.mark.parametrize(
    ("shadow", "production", "part"), [(1.0, 1.0, 1.0), (0.5, 1.0, 0.5), (3.0, 1.0, 1.0), (1.0, 4.0, 0.25), (0, 1, 0)]
)
def test_a_shadows_part_of_the_requests(shadow: float, production: float, part: float) -> None:
    assert share(shadow, production) == part


def test_a_shadow_that_hangs_costs_nothing() -> None:
    shadows, hang = Shadows(), threading.Event()
    began = time.monotonic()
    sent = [shadows.copy(1.0, hang.wait) for _ in range(1000)]
    # What is dropped is dropped at once.
    assert time.monotonic() - began < 1
    assert 0 < sum(sent) < 500
    hang.set()
    shadows.close()
    assert not shadows.copy(1.0, hang.wait)


class _S3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:
        self.objects[f"{Bucket}/{Key}"] = Body


@pytest.mark.parametrize(
    ("options", "members"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["InputAndOutput"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_captured_sides(options: list[str], members: set[str]) -> None:
    s3 = _S3()
    capture = Capture(lambda _: s3)
    config = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/p",
        "CaptureOptions": [{"CaptureMode": mode} for mode in options],
    }
    question = Question(body=b"\xff", headers={"content-type": "text/csv"}, seconds=1)
    for status in (200, 500):
        reply = Reply(status=status, headers={"content-type": "text/plain"}, body=b"out")
        capture.take(config, "role", "e", "v", question, reply, None)
    capture.close()
    ((key, content),) = s3.objects.items()
    assert key.startswith("b/p/e/v/2")
    (line,) = content.splitlines()
    data = json.loads(line)["captureData"]
    assert set(data) == members
    assert all(side["encoding"] == "BASE64" for side in data.values())
    if "endpointInput" in data:
        assert base64.b64decode(data["endpointInput"]["data"]) == b"\xff"


def test_a_sample_is_a_part() -> None:
    s3 = _S3()
    capture = Capture(lambda _: s3)
    options = [{"CaptureMode": "Input"}]
    config = {"InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://b/p", "CaptureOptions": options}
    reply = Reply(status=200, headers={}, body=b"")
    for _ in range(2000):
        capture.take(config, "role", "e", "v", Question(body=b"", headers={}, seconds=1), reply, None)
    capture.close()
    assert 300 < sum(len(content.splitlines()) for content in s3.objects.values()) < 500


class _Container:
    """A container that is healthy."""

    state, outstanding = "healthy", 0

    def __init__(self) -> None:
        self.serving: object | None = object()


class _Fleet:
    """Containers that are healthy at once."""

    def __init__(self) -> None:
        self.replicas: list[Any] = []

    def grow(self, count: int) -> None:
        self.replicas = [*self.replicas, *(_Container() for _ in range(count))][:count]

    def shrink(self, count: int) -> None:
        self.replicas = self.replicas[:count]


def test_more_requests_than_containers_of_this_machine_share_them() -> None:
    fleet = _Fleet()
    pool = ServerlessPool(fleet, ServerlessPlan(memory_mb=1024, concurrency=20))
    lent = [pool.borrow() for _ in range(20)]
    taken = [one.__enter__() for one in lent]
    assert all(taken)
    assert len(fleet.replicas) == serverless.MAXIMUM_CONTAINERS
    with pytest.raises(ServiceError, match="Rate exceeded") as throttled, pool.borrow():
        pass
    assert throttled.value.code == "ThrottlingException"
    for one in lent:
        one.__exit__(None, None, None)
    with pool.borrow() as again:
        assert again
    pool.close()


def test_a_container_that_does_not_come_up_is_tried_again_by_the_next_request() -> None:
    fleet = _Fleet()
    pool = ServerlessPool(fleet, ServerlessPlan(memory_mb=1024, concurrency=2))
    fleet.grow(1)
    fleet.replicas[0].state, fleet.replicas[0].serving = "failed", None
    with pool.borrow() as none:
        assert none is None
    with pool.borrow() as container:
        assert container
    pool.close()
