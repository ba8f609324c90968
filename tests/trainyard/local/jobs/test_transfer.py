"""Objects and files: which path an object gets, which failure says what, what an archive depends on."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.jobs import logs
from trainyard.local.jobs.artifacts import pack
from trainyard.local.jobs.logs import Scanner, _batch
from trainyard.local.jobs.transfer import Location, Transfer, TransferError, _relative

NAMES = st.text("ab/.", min_size=1, max_size=6).filter(lambda name: not name.startswith("/"))


class Bucket:
    """An S3 client over a dictionary."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, _name: str) -> Bucket:
        return self

    def paginate(self, **where: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(where["Prefix"])]}, {}]

    def get_object(self, **where: str) -> dict[str, Any]:
        body = self.objects[where["Key"]]

        class Body:
            def iter_chunks(self, _size: int) -> list[bytes]:
                return [body]

        return {"Body": Body()}


class Denying(Bucket):
    def get_object(self, **where: str) -> dict[str, Any]:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")


@pytest.mark.parametrize(
    ("key", "prefix", "path"),
    [
        ("data/train/a.bin", "data/train", "a.bin"),
        ("data/train/a.bin", "data/train/", "a.bin"),
        ("data/train/deep/a.bin", "data/train", "deep/a.bin"),
        ("data/code.tar.gz", "data/code.tar.gz", "code.tar.gz"),
        ("data/train-2/a.bin", "data/train", "train-2/a.bin"),
        ("a.bin", "", "a.bin"),
        ("deep/a.bin", "", "deep/a.bin"),
    ],
)
def test_an_object_keeps_its_path_below_the_prefix(key: str, prefix: str, path: str) -> None:
    assert _relative(key, prefix) == path


@given(hosts=st.integers(1, 4), count=st.integers(1, 12))
def test_shards_are_even_and_together_everything(
    tmp_path_factory: pytest.TempPathFactory, hosts: int, count: int
) -> None:
    folders = [tmp_path_factory.mktemp("host") for _ in range(hosts)]
    objects = {f"p/{index:02}": str(index).encode() for index in range(count)}
    Transfer(Bucket(objects), "role").download(Location.parse("s3://b/p/"), folders, sharded=True)
    shares = [sorted(file.name for file in folder.iterdir()) for folder in folders]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert sorted(name for share in shares for name in share) == [f"{index:02}" for index in range(count)]


def test_every_host_has_a_copy_of_its_own(tmp_path: Path) -> None:
    folders = [tmp_path / "1", tmp_path / "2"]
    Transfer(Bucket({"p/a/b": b"x", "p/": b""}), "role").download(Location.parse("s3://b/p"), folders)
    (folders[0] / "a/b").write_text("changed")
    assert (folders[1] / "a/b").read_text() == "x"


@pytest.mark.parametrize(
    ("objects", "uri", "says"),
    [
        ({}, "s3://b/p", "No S3 objects found under S3 URL 's3://b/p'"),
        ({"p/": b""}, "s3://b/p", "No S3 objects found"),
        ({"p/../../x": b""}, "s3://b/p", "would be written outside its folder"),
        ({"p/a": b"", "p/a/b": b""}, "s3://b/p", "cannot become the file"),
        ({"d/t/t2/x": b"", "d/t2/x": b""}, "s3://b/d/t", "would become one file"),
    ],
)
def test_objects_that_cannot_become_files(tmp_path: Path, objects: dict[str, bytes], uri: str, says: str) -> None:
    with pytest.raises(TransferError) as caught:
        Transfer(Bucket(objects), "role").download(Location.parse(uri), [tmp_path / "host"])
    assert says in str(caught.value)


def test_a_denial_names_role_action_and_resource(tmp_path: Path) -> None:
    with pytest.raises(TransferError, match=r"the role arn:role is not authorized to perform s3:GetObject on "
                       r"arn:aws:s3:::b/p/x\. Grant it to the role"):  # fmt: skip
        Transfer(Denying({"p/x": b""}), "arn:role").download(Location.parse("s3://b/p"), [tmp_path])


def test_a_body_that_breaks_off_is_read_again(tmp_path: Path) -> None:
    class Breaking(Bucket):
        left = 2

        def get_object(self, **where: str) -> dict[str, Any]:
            if self.left:
                self.left -= 1
                raise ConnectionClosedError(endpoint_url="http://cloud")
            return super().get_object(**where)

    client = Breaking({"p/x": b"whole"})
    Transfer(client, "role").download(Location.parse("s3://b/p"), [tmp_path])
    assert (tmp_path / "x").read_bytes() == b"whole"
    client.left = 9
    with pytest.raises(TransferError, match="s3://b/p/x: Connection was closed"):
        Transfer(client, "role").download(Location.parse("s3://b/p"), [tmp_path])


class Collector:
    """A CloudWatch Logs client that is slow at first."""

    class exceptions:  # noqa: N801 - boto3's name
        ResourceAlreadyExistsException = KeyError

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.open = threading.Event()

    def create_log_group(self, **_names: str) -> None:
        self.open.wait(10)

    def create_log_stream(self, **_names: str) -> None:
        raise KeyError("exists")

    def put_log_events(self, **batch: Any) -> None:
        self.lines += [event["message"] for event in batch["logEvents"]]


@pytest.mark.slow
def test_lines_that_are_dropped_are_counted_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_LINES_KEPT", 3)
    client = Collector()
    shipper = logs.Shipper(client, None, "group", ["stream"], "job", lambda problem: None)
    for index in range(8):
        shipper.line(0, str(index), 1.0)
    client.open.set()
    deadline = time.monotonic() + 10
    while not client.lines:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    shipper.line(0, "", 2.0)
    shipper.close()
    assert client.lines == ["0", "1", "2", "[the embedded cloud dropped 5 lines here: the log could not keep up]", " "]


@given(files=st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=20), max_size=5))
def test_an_archive_depends_on_names_and_contents_alone(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    archives = []
    for order in (list(files), list(reversed(files))):
        folder = tmp_path_factory.mktemp("model")
        for index, name in enumerate(order):
            (folder / name).write_bytes(files[name])
            os.utime(folder / name, (index * 1000, index * 1000))
        archives.append(folder.with_suffix(".tar.gz"))
        assert pack([folder], archives[-1]) == len(files)
    assert archives[0].read_bytes() == archives[1].read_bytes()


@given(value=st.floats(allow_nan=True, allow_infinity=True), prose=st.text("xyz= ", max_size=10))
def test_figures_are_found_by_their_definitions(value: float, prose: str) -> None:
    scanner = Scanner([{"Name": "loss", "Regex": r"loss=(\S+)"}, {"Name": "other", "Regex": "never(.*)"}])
    finite = value == value and abs(value) != float("inf")
    assert scanner.scan(f"{prose}|loss={value!r} end", 5.0) == ([("loss", value)] if finite else [])
    assert scanner.final() == ([{"MetricName": "loss", "Value": value, "Timestamp": 5.0}] if finite else [])


@given(sizes=st.lists(st.integers(0, 400_000), max_size=12))
def test_batches_keep_order_and_the_services_limits(sizes: list[int]) -> None:
    from collections import deque

    lines = deque((index, "x" * size) for index, size in enumerate(sizes))
    found: list[int] = []
    while batch := _batch(lines):
        assert sum(len(text) + 26 for _, text in batch) <= 1_000_000
        found += [index for index, _ in batch]
    assert found == list(range(len(sizes)))
