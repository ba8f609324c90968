"""Checkpoints in S3, on an emulator, and through a proxy that fails as S3 and networks do."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from checkpoint_harness import HASTY, QUICK, Event, TinyRun, committed, manager, restored
from faulty_proxy import Failure, Kind, Proxy, proxy

from ml_contract.checkpoint import catalog
from ml_contract.checkpoint.errors import ObjectMissingError
from training_code.checkpoint import CheckpointOptions, StorageError
from training_code.checkpoint.checksum import crc64nvme
from training_code.checkpoint.s3_storage import S3Storage

pytestmark = pytest.mark.slow
MEBIBYTE = 2**20
PREFIXES = itertools.count()


@pytest.fixture
def prefix(s3: str) -> str:
    return f"run-{next(PREFIXES)}"


@pytest.fixture
def faulty(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that every client made from now on goes through."""
    with proxy(s3) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield server


def patience(kind: Kind) -> dict[str, Any]:
    return HASTY if kind == "hang" else QUICK


def storage(prefix: str, **options: Any) -> S3Storage:
    return S3Storage("checkpoints", prefix, CheckpointOptions(**{**QUICK, **options}))


def upload(place: S3Storage, key: str, content: bytes, piece: int = 3 * MEBIBYTE) -> None:
    writer = place.create(key)
    try:
        for start in range(0, len(content), piece):
            writer.write(content[start : start + piece])
        writer.finish(crc64nvme(content))
    except BaseException:
        writer.abort()
        raise


def unfinished_uploads(prefix: str) -> list[Any]:
    return boto3.client("s3").list_multipart_uploads(Bucket="checkpoints", Prefix=prefix).get("Uploads", [])


@pytest.mark.parametrize("size", [0, 1, 5 * MEBIBYTE, 12 * MEBIBYTE + 7])
def test_what_goes_in_comes_out(prefix: str, size: int) -> None:
    content = random.Random(size).randbytes(size)
    place = storage(prefix, part_bytes=5 * MEBIBYTE)
    upload(place, "step/shard", content)
    assert place.read("step/shard") == content
    assert b"".join(place.stream("step/shard", size // 3, size)) == content[size // 3 :]
    assert [(entry.key, entry.size) for entry in place.list()] == [("step/shard", size)]
    place.delete("step/shard")
    with pytest.raises(ObjectMissingError, match=f"s3://checkpoints/{prefix}/step/shard: GetObject found no such"):
        place.read("step/shard")


def test_s3_vouches_for_the_checksum(prefix: str) -> None:
    """A kept checkpoint is verified by S3's own checksum of it, without a download."""
    place = storage(prefix)
    place.put("document", b"123456789")
    assert place.stored_crc("document") == crc64nvme(b"123456789")
    content = random.Random(3).randbytes(6 * MEBIBYTE)
    upload(storage(prefix, part_bytes=5 * MEBIBYTE), "parts", content)
    assert place.stored_crc("parts") == crc64nvme(content)


def test_s3_refuses_what_was_damaged_on_the_way(prefix: str) -> None:
    """Guards the time between the checksum and the wire: S3 compares what it stored with what was meant."""
    writer = storage(prefix, part_bytes=5 * MEBIBYTE, attempts=1).create("shard")
    content = bytes(6 * MEBIBYTE)
    writer.write(content)
    with pytest.raises(StorageError, match="shard: CompleteMultipartUpload failed: BadDigest"):
        writer.finish(crc64nvme(content) ^ 1)
    writer.abort()
    assert not storage(prefix).list()


def test_a_checkpoint_lives_in_s3(prefix: str) -> None:
    uri = f"s3://checkpoints/{prefix}"
    contents = committed(uri, 1, 2, 3, 4, keep_last=2)
    assert restored(uri) == (4, contents[4])
    kept = [attempt.step for attempt in catalog.attempts(storage(prefix)) if attempt.committed]
    assert kept == [4, 3]


@pytest.mark.parametrize("conditional", [True, False], ids=["protected", "unprotected"])
def test_one_of_many_writers_wins(prefix: str, conditional: bool) -> None:
    """Guards If-None-Match: without it all of them are told that they have committed."""
    start, won = threading.Barrier(6), []

    def commit(number: int) -> None:
        place = storage(prefix)
        if not conditional:
            put = place.client.put_object
            place.client.put_object = lambda IfNoneMatch, **request: put(**request)
        start.wait()
        if place.put_if_absent("COMMIT.json", str(number).encode()):
            won.append(str(number).encode())

    threads = [threading.Thread(target=commit, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == (1 if conditional else 6)
    assert storage(prefix).read("COMMIT.json") in won


def test_a_commit_whose_answer_was_lost_is_ours(prefix: str, faulty: Proxy) -> None:
    """Guards the retry of a conditional write: it finds our own COMMIT, and that is no conflict."""
    faulty.failures = [Failure("lost", "PUT", "COMMIT")]
    assert storage(prefix).put_if_absent("COMMIT.json", b"ours")
    assert not storage(prefix).put_if_absent("COMMIT.json", b"theirs")


CREATE, PART, COMPLETE = ("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId=")


@pytest.mark.parametrize(
    ("kind", "method", "contains"),
    [
        ("503", *CREATE),
        ("lost", *CREATE),
        ("500", *PART),
        ("reset", *PART),
        ("hang", *PART),
        ("lost", *PART),
        ("500", *COMPLETE),
        ("lost", *COMPLETE),
    ],
)
def test_an_upload_survives_what_passes(prefix: str, faulty: Proxy, kind: Kind, method: str, contains: str) -> None:
    """Guards retries of each part of a multipart upload, a lost answer of its completion among them."""
    content = random.Random(1).randbytes(11 * MEBIBYTE)
    faulty.failures = [Failure(kind, method, contains)]
    place = storage(prefix, part_bytes=5 * MEBIBYTE, **patience(kind))
    upload(place, "shard", content)
    assert place.read("shard") == content
    assert faulty.failures[0].times == 0


@pytest.mark.parametrize(("kind", "method", "contains"), [("500", *CREATE), ("reset", *PART), ("500", *COMPLETE)])
def test_an_upload_needs_its_retries(prefix: str, faulty: Proxy, kind: Kind, method: str, contains: str) -> None:
    """The same faults with one try only: the proof that the retries are what survives them."""
    faulty.failures = [Failure(kind, method, contains)]
    with pytest.raises(StorageError, match="failed: "):
        upload(storage(prefix, part_bytes=5 * MEBIBYTE, attempts=1), "shard", bytes(11 * MEBIBYTE))


@pytest.mark.parametrize("kind", ["503", "cut"])
def test_a_download_goes_on_where_it_broke_off(prefix: str, faulty: Proxy, kind: Kind) -> None:
    """Guards the body of an answer, which botocore does not retry."""
    content = random.Random(2).randbytes(6 * MEBIBYTE)
    place = storage(prefix)
    upload(place, "shard", content)
    faulty.failures = [Failure(kind, "GET", "shard", times=2)]
    assert b"".join(place.stream("shard", 0, len(content))) == content
    assert faulty.count("GET", "shard") == 3
    faulty.failures = [Failure(kind, "GET", "shard")]
    with pytest.raises(StorageError, match="GetObject failed: "):
        list(storage(prefix, attempts=1).stream("shard", 0, len(content)))


@pytest.mark.parametrize(("kind", "text"), [("503", "SlowDown"), ("reset", "Connection"), ("hang", "ReadTimeout")])
def test_what_does_not_pass_is_one_error_that_names_it(prefix: str, faulty: Proxy, kind: Kind, text: str) -> None:
    """Guards the end of retries: bucket, key, action and cause in one line, and no upload left to be paid for."""
    faulty.failures = [Failure(kind, "PUT", "partNumber", times=1000)]
    place = storage(prefix, part_bytes=5 * MEBIBYTE, **{**patience(kind), "attempts": 3})
    with pytest.raises(StorageError, match=f"^s3://checkpoints/{prefix}/shard: UploadPart failed 3 times: .*{text}"):
        upload(place, "shard", bytes(11 * MEBIBYTE))
    assert not unfinished_uploads(f"{prefix}/")
    assert not place.list()


def test_a_denial_is_not_tried_again(prefix: str, faulty: Proxy) -> None:
    faulty.failures = [Failure("403", "PUT", times=1000)]
    with pytest.raises(StorageError, match=r"/document: PutObject was denied \(AccessDenied\)\. Allow s3:PutObject"):
        storage(prefix).put("document", b"1")
    assert faulty.count("PUT") == 1


def test_no_such_bucket_is_one_error(prefix: str) -> None:
    with pytest.raises(StorageError, match=r"s3://nowhere/.*found no such bucket\. Check checkpoint_uri"):
        S3Storage("nowhere", prefix, CheckpointOptions(**QUICK)).list()


@pytest.mark.parametrize("kind", ["503", "hang", "lost"])
def test_a_save_survives_what_passes(prefix: str, faulty: Proxy, kind: Kind) -> None:
    """The whole of a save, with a fault at its shard, its sidecar and its COMMIT."""
    uri = f"s3://checkpoints/{prefix}"
    faulty.failures = [Failure(kind, "PUT", name) for name in ("distcp", "sidecar", "COMMIT")]
    contents = committed(uri, 1, **patience(kind))
    assert [failure.times for failure in faulty.failures] == [0, 0, 0]
    assert restored(uri) == (1, contents[1])


@pytest.mark.parametrize("name", ["distcp", "COMMIT"])
def test_a_save_that_fails_is_told_and_the_last_commit_stands(prefix: str, faulty: Proxy, name: str) -> None:
    """Guards the order of writes: whatever cannot be written, nothing half counts."""
    uri = f"s3://checkpoints/{prefix}"
    contents = committed(uri, 1, **QUICK)
    faulty.failures = [Failure("503", "PUT", name, times=1000)]
    with pytest.raises(StorageError, match=f"{name}.*PutObject failed 4 times: SlowDown"):
        committed(uri, 2, **QUICK)
    faulty.failures = []
    events: list[Event] = []
    assert restored(uri, events, **QUICK) == (1, contents[1])
    assert [event.kind for event in events] == ["restored"]


def test_a_bad_hour_of_s3_condemns_nothing(prefix: str, faulty: Proxy) -> None:
    """Guards good checkpoints: S3 out of order is an error of the restore, never a quarantine."""
    uri = f"s3://checkpoints/{prefix}"
    contents = committed(uri, 1, **QUICK)
    for name in ("distcp", "COMMIT", "list-type"):
        faulty.failures = [Failure("503", "GET", name, times=1000)]
        run = TinyRun()
        with manager(uri, **QUICK) as checkpoints, pytest.raises(StorageError, match="failed 4 times: SlowDown"):
            checkpoints.restore(run.state)
    faulty.failures = []
    assert restored(uri, **QUICK) == (1, contents[1])


def test_damage_in_s3_is_found(prefix: str) -> None:
    uri = f"s3://checkpoints/{prefix}"
    contents = committed(uri, 1, 2)
    place = storage(prefix)
    victim = catalog.attempts(place)[0]
    key = f"{victim.prefix}/__0_0.distcp"
    data = bytearray(place.read(key))
    data[len(data) // 2] ^= 1
    place.put(key, bytes(data))
    assert restored(uri) == (1, contents[1])


def test_housekeeping_that_fails_is_a_warning(prefix: str, faulty: Proxy) -> None:
    """Guards the commit: a role without s3:DeleteObject must not end the training."""
    uri = f"s3://checkpoints/{prefix}"
    events: list[Event] = []
    run = TinyRun()
    faulty.failures = [Failure("403", "DELETE", times=1000)]
    with manager(uri, events, keep_last=2, **QUICK) as checkpoints:
        for step in (1, 2, 3):
            run.step()
            checkpoints.save(step, run.state)
    warnings = [event.detail for event in events if event.kind == "warning"]
    assert len(warnings) == 1
    assert "Allow s3:DeleteObject" in warnings[0]
    assert restored(uri, **QUICK)[0] == 3
