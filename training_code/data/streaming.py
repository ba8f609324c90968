"""Shards read from S3 while training: by range, ahead of their use, in memory that is bounded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ml_contract.errors import reject
from training_code.data.s3_reads import Patience, Reads, Try
from training_code.data.source import Range, Source

PIECE_BYTES = 8 * 2**20
"""Most that one request asks for."""
CONCURRENCY = 16
"""Requests on their way at one time, a process."""

Pieces = list[Try[bytes]]


class S3Source(Source):
    """Files under a prefix.

    A split that fits into half of the buffer is fetched file by file and kept, each file held against its digest. Of a
    larger one only what samples need is fetched, and what was announced is fetched ahead for as long as it fits.
    """

    def __init__(self, uri: str, *, buffer_bytes: int, patience: Patience | None = None) -> None:
        """
        Args:
            uri: s3://bucket/prefix.
            buffer_bytes: Memory of this process for what has been fetched and not been asked for yet.
            patience: Retries and time-outs.
        """
        self.place = uri.rstrip("/")
        self._bucket, _, self._prefix = self.place.removeprefix("s3://").partition("/")
        self._buffer_bytes, self._patience = buffer_bytes, patience or Patience()
        self._files: Mapping[str, tuple[int, str]] = {}
        self._kept: dict[str, memoryview] = {}
        self._fits = False
        self._coming: dict[Range, Pieces] = {}
        self._reads_of: tuple[int, Reads] | None = None

    @property
    def buffered(self) -> int:
        """Bytes that are fetched or on their way, and not asked for yet."""
        return sum(part.length for part in self._coming)

    def sizes(self) -> Mapping[str, int]:
        prefix = f"{self._prefix}/" if self._prefix else ""

        def listed() -> dict[str, int]:
            pages = self._reads.client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            return {item["Key"][len(prefix) :]: item["Size"] for page in pages for item in page.get("Contents", ())}

        return self._reads.persist(listed, "ListObjectsV2", self.place)

    def load(self, name: str) -> bytes:
        return self._reads.persist(
            partial(self._reads.get, self._bucket, self._key(name)), "GetObject", self.where(name)
        )

    def expect(self, files: Mapping[str, tuple[int, str]]) -> None:
        self._files = files
        self._fits = sum(size for size, _ in files.values()) <= self._buffer_bytes // 2

    def damaged(self, _name: str, _sha256: str, /) -> str | None:
        # Reading all of it now is what a stream is there to avoid.
        return None

    def read(self, part: Range) -> memoryview:
        if part.length == 0:
            return memoryview(b"")
        if self._fits and part.name in self._files:
            return self._whole(part.name)[part.start : part.start + part.length]
        reads = self._reads
        coming = self._coming.pop(part) if part in self._coming else self._request(reads, part, first=True)
        return self._arrived(reads, part, coming)

    def ahead(self, parts: Sequence[Range]) -> None:
        """Told of all parts that will be read soon, in that order: what was announced before and is not is dropped."""
        if self._fits:
            return
        reads = self._reads
        for part in self._coming.keys() - set(parts):
            for attempt in self._coming.pop(part):
                reads.forget(attempt)
        free = self._buffer_bytes - self.buffered
        for part in dict.fromkeys(parts):
            if part in self._coming:
                continue
            free -= part.length
            if free < 0:
                return
            self._coming[part] = self._request(reads, part, first=False)

    def _whole(self, name: str) -> memoryview:
        if name not in self._kept:
            part = Range(name, 0, self._files[name][0])
            reads = self._reads
            self._kept[name] = self._arrived(reads, part, self._request(reads, part, first=True))
        return self._kept[name]

    def _request(self, reads: Reads, part: Range, *, first: bool) -> Pieces:
        end, key, place = part.start + part.length, self._key(part.name), self.where(part.name)
        works = [
            partial(reads.get, self._bucket, key, start, min(PIECE_BYTES, end - start))
            for start in range(part.start, end, PIECE_BYTES)
        ]
        return [reads.start(work, "GetObject", place, first=first) for work in works]

    def _arrived(self, reads: Reads, part: Range, pieces: Pieces) -> memoryview:
        place = self.where(part.name)
        try:
            contents = [reads.result(attempt) for attempt in pieces]
        except FileNotFoundError:
            reject(f"shard {part.name}", None, f"{place} is not there any more", "Copy the data set again.")
        content = contents[0] if len(contents) == 1 else b"".join(contents)
        size, sha256 = self._files.get(part.name, (-1, ""))
        if part.length == size and (found := hashlib.sha256(content).hexdigest()) != sha256:
            reject(f"shard {part.name}", f"sha256 {found}", f"the manifest says {sha256}: {place} is damaged",
                   "Copy the data set again, or prepare it again.")  # fmt: skip
        return memoryview(content)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    @property
    def _reads(self) -> Reads:
        # Threads and connections do not survive a fork: a loader's worker makes its own.
        if self._reads_of is None or self._reads_of[0] != os.getpid():
            self._coming = {}
            self._reads_of = os.getpid(), Reads(self._patience, concurrency=CONCURRENCY)
        return self._reads_of[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}, "_coming": {}, "_reads_of": None}
