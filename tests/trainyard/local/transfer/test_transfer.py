"""Objects and files: which path an object gets, and which failure says what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st

from trainyard.local.transfer import Location, Transfer, TransferError
from trainyard.local.transfer.transfer import _relative


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
