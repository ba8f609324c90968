"""Where checkpoints lie, as an operator reads it: a prefix of a bucket, or a folder."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ml_contract.checkpoint.errors import ObjectMissingError, StorageError
from ml_contract.checkpoint.objects import Entry, Objects
from ml_contract.errors import reject
from trainyard.operations.connection import Connection

PIECE_BYTES = 2**20


def _crc(data: bytes, previous: int = 0, /) -> int:
    from awscrt import checksums

    return int(checksums.crc64nvme(data, previous))


class S3Objects(Objects):
    """Objects below a prefix. What S3 refuses is botocore's error; only absence is told apart."""

    crc = staticmethod(_crc)

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self.uri = f"s3://{bucket}/{prefix}"

    def list(self, prefix: str = "") -> list[Entry]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}/{prefix}"
        )
        cut = len(self._prefix) + 1
        return [
            Entry(key=item["Key"][cut:], size=item["Size"], modified=item["LastModified"].timestamp())
            for page in pages
            for item in page.get("Contents", ())
        ]

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        end = start + length - 1
        body = self._found(key, lambda: self._get(key, Range=f"bytes={start}-{end}"))
        yield from body.iter_chunks(PIECE_BYTES)

    def read(self, key: str) -> bytes:
        return bytes(self._found(key, lambda: self._get(key)).read())

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=f"{self._prefix}/{key}")

    def stored_crc(self, key: str, /) -> int | None:
        head = self._found(
            key,
            lambda: self._client.head_object(
                Bucket=self._bucket, Key=f"{self._prefix}/{key}", ChecksumMode="ENABLED"
            ),
        )  # fmt: skip
        if head.get("ChecksumType") != "FULL_OBJECT" or "ChecksumCRC64NVME" not in head:
            return None
        return int.from_bytes(base64.b64decode(head["ChecksumCRC64NVME"]), "big")

    def _get(self, key: str, **parameters: str) -> Any:
        return self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{key}", **parameters)["Body"]

    def _found(self, key: str, request: Callable[[], Any]) -> Any:
        try:
            return request()
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "NotFound"):
                raise ObjectMissingError(f"{self.place(key)}: there is no such object") from error
            raise


class FolderObjects(Objects):
    """Files below a folder, such as a mounted FSx for Lustre."""

    crc = staticmethod(_crc)

    def __init__(self, root: Path) -> None:
        self._root = root
        self.uri = f"file://{root}"

    def list(self, prefix: str = "") -> list[Entry]:
        if not self._root.is_dir():
            raise StorageError(f"{self.uri}: there is no such folder")
        entries = []
        for path in self._root.rglob("*"):
            key = path.relative_to(self._root).as_posix()
            # A file may go while we look: the run clears away, too.
            with contextlib.suppress(FileNotFoundError):
                if key.startswith(prefix) and path.is_file():
                    found = path.stat()
                    entries.append(Entry(key=key, size=found.st_size, modified=found.st_mtime))
        return entries

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        with self._open(key) as file:
            file.seek(start)
            while length > 0 and (piece := file.read(min(length, PIECE_BYTES))):
                length -= len(piece)
                yield piece

    def read(self, key: str) -> bytes:
        with self._open(key) as file:
            return bytes(file.read())

    def delete(self, key: str) -> None:
        path = self._root / key
        path.unlink(missing_ok=True)
        # Folders of an attempt and its step go with their last file.
        with contextlib.suppress(OSError):
            for folder in path.relative_to(self._root).parents[:-1]:
                (self._root / folder).rmdir()

    def stored_crc(self, _key: str, /) -> int | None:
        # A file system vouches for nothing.
        return None

    def _open(self, key: str) -> Any:
        try:
            return (self._root / key).open("rb")
        except FileNotFoundError as error:
            raise ObjectMissingError(f"{self.place(key)}: there is no such file") from error


def open_objects(connect: Callable[[], Connection], place: str) -> Objects:
    """The objects at an address, or at the ``checkpoint_uri`` of a training job.

    Args:
        connect: Called where AWS is needed; a folder needs none.
        place: ``s3://bucket/prefix``, ``file:///folder``, or the name of a training job.

    Raises:
        ContractError: None of these, or a job without checkpoints.
    """
    if "://" not in place:
        job = connect().client("sagemaker").describe_training_job(TrainingJobName=place)
        uri = job.get("HyperParameters", {}).get("checkpoint_uri")
        if not uri:
            reject("PLACE", place, "this training job keeps no checkpoints (no hyperparameter checkpoint_uri)",
                   "Give the address of the checkpoints, s3://bucket/prefix.")  # fmt: skip
        place = str(uri)
    parts = urlsplit(place)
    path = unquote(parts.path).strip("/")
    if parts.scheme == "s3" and parts.netloc and path:
        return S3Objects(connect().client("s3"), parts.netloc, path)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and path:
        return FolderObjects(Path(f"/{path}"))
    reject("PLACE", place, "it must be s3://bucket/prefix, file:///folder or the name of a training job",
           "Write one of these; a bucket alone is no place.")  # fmt: skip
