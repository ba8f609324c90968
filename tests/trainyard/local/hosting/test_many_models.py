"""A container of many models whose memory holds a part of them: nothing lost, nothing answered by the wrong model."""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.exchange import Question, Reply
from trainyard.local.hosting.many_models import ManyModels
from trainyard.local.hosting.replica import Replica

from .conftest import Gate, stand_in_blueprint

pytestmark = pytest.mark.slow
Ask = Callable[..., Reply]
MODELS = 50


def archive(constant: str | None, *, file: str = "constant") -> bytes:
    """A model.tar.gz of the stand-in."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        if constant is not None:
            member = tarfile.TarInfo(file)
            member.size = len(constant)
            tar.addfile(member, io.BytesIO(constant.encode()))
    return raw.getvalue()


class Bucket:
    """S3 with a bucket of models, each of which adds its number times 1,000."""

    def __init__(self) -> None:
        self.objects = {f"models/m{number}.tar.gz": archive(str(1000 * number)) for number in range(MODELS)}
        self.read: list[str] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "bucket"
        self.read.append(Key)
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        content = self.objects[Key]

        class Body:
            def iter_chunks(self, _size: int) -> Iterator[bytes]:
                yield content

        return {"Body": Body()}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def start(tmp_path: Path, bucket: Bucket) -> Iterator[Callable[..., Ask]]:
    """Starts a container of many models: what asks it."""
    replicas: list[Replica] = []

    def begin(*, keep: bool = True, room: int | None = None, **variables: str) -> Ask:
        container = stand_in_blueprint(tmp_path, CAPACITY="10", **variables)
        many = ManyModels(
            container=container, client=lambda: bucket, prefix="s3://bucket/models/", keep=keep, room=room
        )
        replica = Replica(
            "test", many, tmp_path / "root", start_seconds=20, line=lambda _: None, changed=lambda: None
        )  # fmt: skip
        replicas.append(replica)
        while replica.state == "starting":
            time.sleep(0.01)

        def ask(target: str | None, value: int = 1, *, seconds: float = 20.0, id: str = "") -> Reply:  # noqa: A002
            serving = replica.serving
            assert serving is not None, replica.reason
            body = json.dumps({"data": [value], "id": id}).encode()
            return serving.ask(Question(body=body, headers={}, seconds=seconds, target_model=target))

        return ask

    yield begin
    for replica in replicas:
        replica.stop(graceful=False)
        assert replica.join(20)


def value(reply: Reply) -> int:
    assert reply.status == 200, reply.body
    return int(json.loads(reply.body)["data"][0])


def test_fifty_models_where_ten_fit(start: Callable[..., Ask], bucket: Bucket) -> None:
    ask = start(LOAD_SECONDS="0.002")
    draw = random.Random(0)
    wanted = [(number % MODELS if number < MODELS else draw.randrange(MODELS), number) for number in range(600)]
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda pair: ask(f"m{pair[0]}.tar.gz", pair[1]), wanted))
    assert [value(reply) for reply in replies] == [1000 * model + number for model, number in wanted]
    figures = [pair for reply in replies for pair in reply.figures]
    # Each archive travelled once: what is evicted stays on the disk.
    assert sorted(bucket.read) == sorted(bucket.objects)
    assert max(count for name, count in figures if name == "LoadedModelCount") == 10
    hits = [hit for name, hit in figures if name == "ModelCacheHit"]
    loads = sum(name == "ModelLoadingTime" for name, _ in figures)
    assert len(hits) == 600
    assert MODELS < loads < 600 - sum(hits) + 1


def test_the_longest_unused_model_goes_first(start: Callable[..., Ask]) -> None:
    ask = start()
    for number in range(10):
        ask(f"m{number}.tar.gz")
    ask("m0.tar.gz")
    ask("m10.tar.gz")
    assert dict(ask("m0.tar.gz").figures)["ModelCacheHit"] == 1
    assert dict(ask("m1.tar.gz").figures)["ModelCacheHit"] == 0


def test_an_object_that_is_gone_or_new_changes_nothing_on_the_disk(start: Callable[..., Ask], bucket: Bucket) -> None:
    ask = start(keep=False)
    ask("m1.tar.gz")
    ask("m2.tar.gz")
    del bucket.objects["models/m1.tar.gz"]
    bucket.objects["models/m2.tar.gz"] = archive("5")
    # AWS says so too: a model is replaced under another name, and one that is deleted is served from the disk.
    assert [value(ask(f"m{number}.tar.gz")) for number in (1, 2)] == [1001, 2001]


def test_a_model_is_brought_once_for_all_who_wait(start: Callable[..., Ask], bucket: Bucket) -> None:
    ask = start(LOAD_SECONDS="0.2")
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: ask("m3.tar.gz", number), range(8)))
    assert [value(reply) for reply in replies] == [3000 + number for number in range(8)]
    assert bucket.read == ["models/m3.tar.gz"]
    assert sum(name == "ModelLoadingTime" for reply in replies for name, _ in reply.figures) == 1


def test_others_are_served_while_one_is_loaded(start: Callable[..., Ask], gate: Gate) -> None:
    ask = start(LOAD_GATE=str(gate.folder))
    gate.open()
    ask("m1.tar.gz")
    gate.shut()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(ask, "m2.tar.gz")
        gate.waiting(2)
        assert value(ask("m1.tar.gz")) == 1001
        assert not loading.done()
        gate.open()
        assert value(loading.result()) == 2001


def test_a_server_that_loads_is_no_sick_server(start: Callable[..., Ask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.local.hosting.replica._WATCH_SECONDS", 0.1)
    ask = start(LOAD_SECONDS="0.8")
    assert value(ask("m1.tar.gz")) == 1001
    assert dict(ask("m1.tar.gz").figures)["ModelCacheHit"] == 1


def test_a_model_stays_while_it_answers(start: Callable[..., Ask], gate: Gate) -> None:
    ask = start()
    with ThreadPoolExecutor(11) as pool:
        slow = [pool.submit(ask, f"m{number}.tar.gz", id=gate.wanted) for number in range(10)]
        gate.waiting(10)
        late = pool.submit(ask, "m11.tar.gz")
        time.sleep(0.1)
        assert not late.done()
        gate.open()
        assert [value(reply.result()) for reply in slow] == [1000 * number + 1 for number in range(10)]
        assert value(late.result()) == 11001


def test_without_cache_a_model_goes_when_it_has_answered(start: Callable[..., Ask], bucket: Bucket) -> None:
    ask = start(keep=False)
    assert [dict(ask("m1.tar.gz").figures)["ModelCacheHit"] for _ in range(2)] == [0, 0]
    assert bucket.read == ["models/m1.tar.gz"]


def test_a_model_whose_process_ended_has_its_container_replaced(start: Callable[..., Ask]) -> None:
    reply = start()("m1.tar.gz", id="stub")
    assert (reply.status, "Stub process" in reply.fatal) == (500, True)


def test_a_server_that_dies_while_it_answers(start: Callable[..., Ask]) -> None:
    ask = start()
    assert ask("m1.tar.gz", id="die").status == 500


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "Failed to download model data(bucket: bucket, key: models/x.tar.gz)"),
        (b"no archive", "Failed to extract model data archive x.tar.gz"),
        (archive("5")[:-20], "Failed to extract model data archive x.tar.gz"),
    ],
    ids=["missing", "no archive", "cut off"],
)
def test_an_archive_that_cannot_be_had(
    start: Callable[..., Ask], bucket: Bucket, content: bytes | None, words: str
) -> None:
    ask = start()
    if content is not None:
        bucket.objects["models/x.tar.gz"] = content
    with pytest.raises(ServiceError) as raised:
        ask("x.tar.gz")
    assert raised.value.code == "ValidationError"
    assert words in raised.value.message
    # Once it is mended, the next request finds it.
    bucket.objects["models/x.tar.gz"] = archive("7")
    assert value(ask("x.tar.gz")) == 8


def test_a_model_that_does_not_load(start: Callable[..., Ask], bucket: Bucket) -> None:
    ask = start()
    bucket.objects["models/x.tar.gz"] = archive("5", file="something")
    reply = ask("x.tar.gz")
    assert (reply.status, json.loads(reply.body)) == (400, {"error": "no constant"})
    assert value(ask("m1.tar.gz")) == 1001


def test_a_model_that_takes_too_long_goes_on_loading(start: Callable[..., Ask]) -> None:
    ask = start(LOAD_SECONDS="0.4")
    with pytest.raises(ServiceError) as raised:
        ask("m1.tar.gz", seconds=0.1)
    assert (raised.value.code, raised.value.status) == ("ModelNotReadyException", 429)
    assert value(ask("m1.tar.gz")) == 1001


def test_a_full_disk_gives_up_what_is_unused(start: Callable[..., Ask], bucket: Bucket) -> None:
    ask = start(room=60, keep=False)
    for number in range(30):
        assert value(ask(f"m{number}.tar.gz")) == 1000 * number + 1
    assert value(ask("m0.tar.gz")) == 1
    assert bucket.read.count("models/m0.tar.gz") == 2
    bucket.objects["models/huge.tar.gz"] = archive("1" * 100)
    with pytest.raises(ServiceError, match="the volume is full"):
        ask("huge.tar.gz")


def test_a_request_names_its_model(start: Callable[..., Ask]) -> None:
    with pytest.raises(ServiceError, match="TargetModel: the endpoint serves many models"):
        start()(None)
