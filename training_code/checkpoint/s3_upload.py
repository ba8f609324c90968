"""A new S3 object from a stream: one put when it is small, a multipart upload in parallel when it is not."""

from __future__ import annotations

import contextlib
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from ml_contract.checkpoint.errors import StorageError
from training_code.checkpoint.checksum import Buffer, crc64nvme
from training_code.checkpoint.storage import ObjectWriter

# 10,000 parts at most: with 16 MiB parts that double every 1,500 the largest object has more than 1 TiB.
PARTS_OF_ONE_SIZE = 1500


def encoded_crc(value: int) -> str:
    """A checksum as S3's headers hold it."""
    return b64encode(value.to_bytes(8, "big")).decode()


class Upload(ObjectWriter):
    """Holds back one part while others are on their way, so that memory stays at ``concurrency + 1`` parts."""

    def __init__(self, call: Callable[..., Any], key: str, *, part_bytes: int, concurrency: int) -> None:
        self._call, self._key = call, key
        self._first_part_bytes, self._concurrency = part_bytes, concurrency
        self._part = bytearray()
        self._upload: dict[str, str] = {}
        self._sent: list[Future[dict[str, Any]]] = []
        self._threads: ThreadPoolExecutor | None = None

    def write(self, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        while len(view):
            room = self._part_bytes - len(self._part)
            self._part += view[:room]
            view = view[room:]
            if len(self._part) == self._part_bytes:
                self._send()

    def finish(self, crc: int) -> None:
        if not self._upload:
            self._call("PutObject", self._key, Body=self._part, ChecksumCRC64NVME=encoded_crc(crc))
            return
        if self._part:
            self._send()
        parts = [sent.result() for sent in self._sent]
        try:
            self._call(
                "CompleteMultipartUpload",
                self._key,
                **self._upload,
                MultipartUpload={"Parts": parts},
                # S3 compares it with what it stored: damage on our side of the wire is found here.
                ChecksumCRC64NVME=encoded_crc(crc),
                ChecksumType="FULL_OBJECT",
            )
        except StorageError:
            # The answer to a try that S3 carried out may be lost, and the next then finds no such upload.
            if not self._complete(crc):
                raise
        self._close()

    def abort(self) -> None:
        self._close()
        if self._upload:
            with contextlib.suppress(StorageError):
                self._call("AbortMultipartUpload", self._key, **self._upload)

    def _complete(self, crc: int) -> bool:
        try:
            head = self._call("HeadObject", self._key, ChecksumMode="ENABLED")
        except StorageError:
            return False
        return bool(head.get("ChecksumCRC64NVME") == encoded_crc(crc))

    @property
    def _part_bytes(self) -> int:
        return self._first_part_bytes << (len(self._sent) // PARTS_OF_ONE_SIZE)

    def _send(self) -> None:
        if self._threads is None:
            answer = self._call(
                "CreateMultipartUpload", self._key, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
            )
            self._upload = {"UploadId": answer["UploadId"]}
            self._threads = ThreadPoolExecutor(self._concurrency, "checkpoint-upload")
        number, part, self._part = len(self._sent) + 1, self._part, bytearray()
        if len(self._sent) >= self._concurrency:
            # Parts end about in order, so waiting for the one so far back bounds those in flight; its error ends us.
            self._sent[-self._concurrency].result()
        self._sent.append(self._threads.submit(self._send_part, number, part))

    def _send_part(self, number: int, part: bytearray) -> dict[str, Any]:
        crc = encoded_crc(crc64nvme(part))
        answer = self._call(
            "UploadPart", self._key, **self._upload, PartNumber=number, Body=part, ChecksumCRC64NVME=crc
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC64NVME": crc}

    def _close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
