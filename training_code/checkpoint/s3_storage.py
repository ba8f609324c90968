"""Checkpoints in S3, by boto3: it has conditional writes, time-outs, and S3's own CRC64NVME of whole objects.

The endpoint comes from AWS_ENDPOINT_URL, as with every AWS SDK; credentials from the container.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from urllib3.exceptions import HTTPError

from ml_contract.checkpoint.objects import Entry
from training_code.checkpoint.checksum import Buffer, crc64nvme
from training_code.checkpoint.options import CheckpointOptions
from training_code.checkpoint.s3_retries import Retries, code
from training_code.checkpoint.s3_upload import Upload, encoded_crc
from training_code.checkpoint.storage import ObjectWriter, Storage

PIECE_BYTES = 2**20


def client(options: CheckpointOptions) -> Any:
    """An S3 client that leaves retries to us: it could not resume a body that broke off."""
    # A name such as 127.0.0.1 has no bucket subdomains.
    custom = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return boto3.client(
        "s3",
        config=Config(
            connect_timeout=options.connect_timeout_s,
            read_timeout=options.read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": 1},
            max_pool_connections=2 * options.concurrency + 2,
            s3={"addressing_style": "path" if custom else "auto"},
            # Every write names its CRC64NVME itself, every read is checked against the manifest.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class S3Storage(Storage):
    """Objects under one prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, options: CheckpointOptions) -> None:
        self.bucket, self.prefix, self.options = bucket, prefix, options
        self.uri = f"s3://{bucket}/{prefix}"
        self.client = client(options)
        self.retries = Retries(options.attempts, options.backoff_s)

    def call(self, action: str, key: str, **parameters: object) -> Any:
        """One S3 operation on ``key``, with retries. ``action`` is the API's name, such as PutObject."""
        method = getattr(self.client, OPERATIONS[action])
        where = {"Bucket": self.bucket, "Key": f"{self.prefix}/{key}"}
        return self.retries.call(action, self.place(key), lambda: method(**where, **parameters))

    def list(self, prefix: str = "") -> list[Entry]:
        cut = len(self.prefix) + 1
        entries: list[Entry] = []
        token: dict[str, str] = {}
        while True:
            request = {"Bucket": self.bucket, "Prefix": f"{self.prefix}/{prefix}", **token}
            page = self.retries.call(
                "ListObjectsV2", self.place(prefix), partial(self.client.list_objects_v2, **request)
            )
            for item in page.get("Contents", ()):
                modified = item["LastModified"].timestamp()
                entries.append(Entry(key=item["Key"][cut:], size=item["Size"], modified=modified))
            if not page.get("IsTruncated"):
                return entries
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        position, end, failures = start, start + length, 0
        while position < end:
            try:
                body = self.client.get_object(
                    Bucket=self.bucket, Key=f"{self.prefix}/{key}", Range=f"bytes={position}-{end - 1}"
                )["Body"]
                for piece in body.iter_chunks(PIECE_BYTES):
                    position += len(piece)
                    failures = 0
                    yield piece
                return
            except (exceptions.BotoCoreError, exceptions.ClientError, HTTPError, OSError) as error:
                if code(error) == "InvalidRange":
                    return
                # A body that broke off goes on where it stopped; only silence counts as a failed try.
                failures += 1
                self.retries.failed("GetObject", self.place(key), error, failures)

    def read(self, key: str) -> bytes:
        def whole() -> bytes:
            body = self.client.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")["Body"]
            return bytes(body.read())

        return self.retries.call("GetObject", self.place(key), whole)

    def create(self, key: str) -> ObjectWriter:
        return Upload(self.call, key, part_bytes=self.options.part_bytes, concurrency=self.options.concurrency)

    def put(self, key: str, data: Buffer) -> None:
        self.call("PutObject", key, Body=data, ChecksumCRC64NVME=encoded_crc(crc64nvme(data)))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        place = self.place(key)

        def conditional() -> bool:
            try:
                self.client.put_object(
                    Bucket=self.bucket,
                    Key=f"{self.prefix}/{key}",
                    Body=data,
                    IfNoneMatch="*",
                    ChecksumCRC64NVME=encoded_crc(crc64nvme(data)),
                )
            except exceptions.ClientError as error:
                if code(error) in ("PreconditionFailed", "412"):
                    return False
                raise
            return True

        # When the answer to our first try was lost, the second finds our own object.
        return self.retries.call("PutObject", place, conditional) or self.read(key) == data

    def delete(self, key: str) -> None:
        self.call("DeleteObject", key)

    def stored_crc(self, key: str, /) -> int | None:
        head = self.call("HeadObject", key, ChecksumMode="ENABLED")
        if head.get("ChecksumType") != "FULL_OBJECT" or "ChecksumCRC64NVME" not in head:
            return None
        return int.from_bytes(base64.b64decode(head["ChecksumCRC64NVME"]), "big")


OPERATIONS = {
    "PutObject": "put_object",
    "DeleteObject": "delete_object",
    "HeadObject": "head_object",
    "CreateMultipartUpload": "create_multipart_upload",
    "UploadPart": "upload_part",
    "CompleteMultipartUpload": "complete_multipart_upload",
    "AbortMultipartUpload": "abort_multipart_upload",
}
