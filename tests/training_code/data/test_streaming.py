"""A stream from S3 gives what the files give, in bounded memory; faults that pass are not seen, others end it."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path
from typing import Any

import boto3
import pytest
from faulty_proxy import Failure, Kind, Proxy

from ml_contract.errors import ContractError
from ml_contract.training.surroundings import Loading
from training_code.data.images import ImageShards, ImageWriter
from training_code.data.loader import Loader
from training_code.data.opening import open_source
from training_code.data.order import SampleOrder
from training_code.data.s3_reads import Patience, StreamError
from training_code.data.source import Folder, Range, Source
from training_code.data.streaming import S3Source
from training_code.data.tokens import TokenShards
from training_code.data.windows import Windows

pytestmark = pytest.mark.slow
LENGTH = 64
QUICK = Patience(attempts=3, backoff_s=0.01, stall_s=60.0)
IMPATIENT = Patience(attempts=3, backoff_s=0.01, stall_s=2.0)
KEPT, RANGES = 2**20, 8192
"""Buffers into which the split fits as a whole, and does not."""


@pytest.fixture
def uploaded(shards: Path, uri: str, s3_client: Any) -> str:
    upload(s3_client, shards, uri)
    return uri


def upload(client: Any, folder: Path, uri: str) -> None:
    for path in folder.iterdir():
        key = f"{uri.removeprefix('s3://data/')}/{path.name}"
        client.put_object(Bucket="data", Key=key, Body=path.read_bytes())


def stream(uri: str, buffer_bytes: int = RANGES, patience: Patience = QUICK) -> S3Source:
    return S3Source(uri, buffer_bytes=buffer_bytes, patience=patience)


def loader(source: Source, workers: int = 0) -> Loader:
    windows = Windows(TokenShards.open(source), LENGTH)
    order = SampleOrder(samples=len(windows), batch_size=8, rank=0, world_size=1, seed=7)
    return Loader(windows, order, workers=workers, micro_batch=4)


def take(source: Loader, batches: int) -> list[list[int]]:
    return [sample for batch in islice(source, batches) for sample in batch.tolist()]


@pytest.mark.parametrize(("buffer_bytes", "workers"), [(KEPT, 0), (RANGES, 0), (RANGES, 2)])
def test_a_stream_gives_the_samples_of_the_files_in_their_order(
    shards: Path, uploaded: str, buffer_bytes: int, workers: int
) -> None:
    first = loader(stream(uploaded, buffer_bytes), workers)
    expected = take(loader(Folder(shards)), 100)
    assert take(first, 84) == expected[: 84 * 4], "more than an epoch"
    second = loader(stream(uploaded, buffer_bytes), workers)
    second.load_state_dict(first.state_dict())
    assert take(second, 16) == expected[84 * 4 :]


def test_a_run_is_told_where_its_samples_are(shards: Path, uploaded: str) -> None:
    folder, streamed = open_source(Loading(), shards), open_source(Loading(stream_uri=uploaded, workers=4), shards)
    assert (type(folder), type(streamed)) == (Folder, S3Source)
    assert TokenShards.open(folder).digest == TokenShards.open(streamed).digest


def test_images_come_by_range(tmp_path: Path, uri: str, s3_client: Any) -> None:
    writer = ImageWriter(tmp_path, shard_bytes=4000)
    contents = [random.Random(number).randbytes(700 + number) for number in range(20)]
    for number, content in enumerate(contents):
        writer.add(f"{number}", {"bin": content, "txt": str(number)})
    writer.close({})
    upload(s3_client, tmp_path, uri)
    source = stream(uri, 8000)
    found = ImageShards.open(source)
    found.ahead([3, 17], ["bin"])
    assert source.buffered == 703 + 717
    assert [found.read(number, "bin") for number in (3, 17, 8)] == [contents[number] for number in (3, 17, 8)]
    assert (found.text(19), found.key(19), source.buffered) == ("19", "19", 0)


def test_what_is_fetched_ahead_stays_within_the_buffer(uploaded: str) -> None:
    source = stream(uploaded)
    parts = [Range("shard-00001.bin", start, 1000) for start in range(0, 4000, 1000)]
    more = [Range("shard-00002.bin", start, 1000) for start in range(0, 4000, 1000)]
    last = [Range("shard-00003.bin", 0, 500)]
    TokenShards.open(source)
    source.ahead([*parts, *parts, *more, *last])
    assert source.buffered == 8000
    source.read(parts[0])
    assert source.buffered == 7000
    source.ahead([*more, *last])
    assert source.buffered == 4500, "what was announced and is not any more was dropped"


def test_a_request_is_never_for_more_than_a_piece(
    uploaded: str, shards: Path, faulty: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training_code.data.streaming.PIECE_BYTES", 1000)
    source = stream(uploaded)
    assert bytes(source.read(Range("shard-00000.bin", 0, 4096))) == (shards / "shard-00000.bin").read_bytes()
    assert faulty.count("GET", "shard-00000") == 5


@pytest.mark.parametrize(
    ("kind", "buffer_bytes"), [("503", RANGES), ("reset", RANGES), ("cut", RANGES), ("hang", RANGES), ("hang", KEPT)]
)
def test_faults_that_pass_are_not_seen(
    shards: Path, uploaded: str, faulty: Proxy, kind: Kind, buffer_bytes: int
) -> None:
    expected = take(loader(Folder(shards)), 12)
    source = loader(stream(uploaded, buffer_bytes, IMPATIENT if kind == "hang" else QUICK))
    faulty.failures = [Failure(kind, "GET", "shard", times=2)]
    assert take(source, 12) == expected
    assert faulty.failures[0].times == 0


@pytest.mark.parametrize(("kind", "cause"), [("503", "SlowDown"), ("reset", "ProtocolError"), ("hang", "ReadTimeout")])
def test_a_fault_that_stays_is_one_error_with_a_way_out(uploaded: str, faulty: Proxy, kind: Kind, cause: str) -> None:
    source = loader(stream(uploaded, patience=IMPATIENT if kind == "hang" else QUICK))
    faulty.failures = [Failure(kind, "GET", "shard", times=1000)]
    message = rf"^{uploaded}/shard-\d+.bin: GetObject failed 3 times: .*{cause}.*start the job again"
    with pytest.raises(StreamError, match=message) as caught:
        next(source)
    assert "\n" not in str(caught.value)


def test_a_stall_in_what_was_announced_holds_up_nothing_else(uploaded: str, faulty: Proxy) -> None:
    """Guards the threads: all of them sit in requests that nobody waits for."""
    source = stream(uploaded, patience=IMPATIENT)
    TokenShards.open(source)
    faulty.failures = [Failure("hang", "GET", "shard-00001", times=1000)]
    source.ahead([Range("shard-00001.bin", start, 10) for start in range(0, 400, 10)])
    assert len(source.read(Range("shard-00002.bin", 0, 100))) == 100


def test_a_denial_is_not_tried_again(uploaded: str, faulty: Proxy) -> None:
    faulty.failures = [Failure("403", "GET", "manifest", times=1000)]
    with pytest.raises(StreamError, match=r"manifest.json: GetObject was denied .* Allow s3:GetObject there for the"):
        TokenShards.open(stream(uploaded))
    assert faulty.count("GET", "manifest") == 1


def test_what_is_not_there_is_named(uploaded: str, s3_client: Any) -> None:
    with pytest.raises(StreamError, match=r"s3://nowhere/a/manifest.json: .* no such bucket. Correct loading.stream_"):
        TokenShards.open(stream("s3://nowhere/a"))
    with pytest.raises(ContractError, match=r"s3://data/nothing/manifest.json: got .FileNotFoundError"):
        TokenShards.open(stream("s3://data/nothing"))
    s3_client.delete_object(Bucket="data", Key=f"{uploaded.removeprefix('s3://data/')}/shard-00002.bin")
    with pytest.raises(ContractError, match=r"shard shard-00002.bin: got None, but s3://.* names it and it is missing"):
        TokenShards.open(stream(uploaded))


def test_a_shard_that_changed_is_found(shards: Path, uploaded: str, s3_client: Any) -> None:
    """Truncated: when the stream is opened. Damaged: when the whole of it is read."""
    prefix = uploaded.removeprefix("s3://data/")
    content = bytearray((shards / "shard-00001.bin").read_bytes())
    content[100] ^= 1
    s3_client.put_object(Bucket="data", Key=f"{prefix}/shard-00001.bin", Body=bytes(content))
    found = TokenShards.open(stream(uploaded, KEPT))
    with pytest.raises(ContractError, match=r"shard-00001.bin: got 'sha256 .* is damaged. Copy the data set again"):
        found.read(4096, 10)
    s3_client.put_object(Bucket="data", Key=f"{prefix}/shard-00001.bin", Body=bytes(content[:1000]))
    with pytest.raises(ContractError, match=r"shard-00001.bin: got '1000 bytes', but the manifest says 4096 bytes"):
        TokenShards.open(stream(uploaded))


def test_no_signed_address_gets_into_a_message(uploaded: str, faulty: Proxy) -> None:
    faulty.failures = [Failure("cut", "GET", "manifest", times=1000)]
    with pytest.raises(StreamError, match="failed 3 times") as caught:
        TokenShards.open(stream(uploaded))
    assert "Signature" not in str(caught.value)
    faulty.failures = []
    faulty.shutdown()
    faulty.server_close()
    with pytest.raises(StreamError, match=r"failed 3 times: .*Connection") as caught:
        TokenShards.open(stream(uploaded))
    assert "Signature" not in str(caught.value)


def test_credentials_are_needed(uploaded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(StreamError, match="GetObject failed: NoCredentialsError"):
        TokenShards.open(stream(uploaded))
