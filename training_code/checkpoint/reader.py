"""torch.distributed.checkpoint's reader over a storage of ours: nothing is handed on before everything is verified."""

from __future__ import annotations

import io
import os
import pickle
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import LoadPlan, LoadPlanner
from torch.futures import Future

from ml_contract.checkpoint.catalog import Snapshot
from ml_contract.checkpoint.documents import FileRecord
from ml_contract.checkpoint.errors import ObjectMissingError
from training_code.checkpoint.checksum import BlockChecksum, spans
from training_code.checkpoint.options import CheckpointOptions
from training_code.checkpoint.storage import Storage
from training_code.checkpoint.writer import AttemptFiles

SPAN_BYTES = 64 * 2**20
"""Longest piece of a file that one request fetches; pieces are fetched in parallel."""


class _Fetched(io.RawIOBase):
    """A file of which only some pieces are here."""

    def __init__(self, pieces: dict[int, bytearray]) -> None:
        self._pieces, self._starts, self._position = pieces, sorted(pieces), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        assert whence in (os.SEEK_SET, os.SEEK_CUR), "a view knows its own end"
        self._position = offset + (self._position if whence == os.SEEK_CUR else 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        # Across the ends of pieces: torch takes a short read for the end of the file.
        filled = 0
        while filled < len(buffer):
            start = self._starts[bisect_right(self._starts, self._position) - 1]
            view = memoryview(self._pieces[start])[self._position - start :][: len(buffer) - filled]
            if not view:
                break
            buffer[filled : filled + len(view)] = view
            filled += len(view)
            self._position += len(view)
        return filled


class _FetchedFiles(AttemptFiles):
    """Serves torch's reader from what was fetched."""

    def __init__(self, fetched: dict[str, dict[int, bytearray]]) -> None:
        self._fetched = fetched

    @contextmanager
    def create_stream(self, path: str | os.PathLike[str], mode: str) -> Iterator[io.IOBase]:
        assert mode == "rb", mode
        yield _Fetched(self._fetched[Path(path).name])


class VerifiedReader(FileSystemReader):  # type: ignore[misc, unused-ignore]
    """Reads a snapshot. The blocks a rank needs are held in CPU memory until every rank has verified its own."""

    def __init__(
        self,
        storage: Storage,
        snapshot: Snapshot,
        metadata: bytes,
        options: CheckpointOptions,
        agree: Callable[[list[str]], None],
    ) -> None:
        """
        Args:
            storage: Where the snapshot lies.
            snapshot: What to read.
            metadata: Content of .metadata, verified: it is a pickle.
            options: For concurrency.
            agree: Collective, takes this rank's findings. Raises CorruptCheckpointError everywhere if there are any.
        """
        super().__init__(snapshot.attempt.prefix)
        self._storage, self._snapshot, self._options, self._agree = storage, snapshot, options, agree
        self._metadata = metadata
        self.bytes_read = 0

    def read_metadata(self, *args: object, **kwargs: object) -> Metadata:  # noqa: ARG002
        metadata: Metadata = pickle.loads(self._metadata)  # noqa: S301  (its checksum was verified)
        return metadata

    def read_data(self, plan: LoadPlan, planner: LoadPlanner) -> Future[None]:
        ranges: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for item in plan.items:
            stored = self.storage_data[item.storage_index]
            ranges[stored.relative_path].append((stored.offset, stored.length))
        fetched, findings = self._fetch(ranges)
        self._agree(findings)
        self.fs = _FetchedFiles(fetched)  # type: ignore[assignment, unused-ignore]
        return super().read_data(plan, planner)

    def _fetch(self, ranges: dict[str, list[tuple[int, int]]]) -> tuple[dict[str, dict[int, bytearray]], list[str]]:
        files, block_bytes = self._snapshot.files, self._snapshot.block_bytes
        pieces = [
            (files[name], offset, length)
            for name, wanted in ranges.items()
            for offset, length in spans(
                wanted, block_bytes=block_bytes, size=files[name].size, longest=SPAN_BYTES
            )
        ]  # fmt: skip
        fetched: dict[str, dict[int, bytearray]] = defaultdict(dict)
        findings: list[str] = []
        with ThreadPoolExecutor(self._options.concurrency, "checkpoint-fetch") as threads:
            for (record, offset, _), content in zip(
                pieces, threads.map(lambda piece: self._piece(*piece), pieces), strict=True
            ):
                if isinstance(content, str):
                    findings.append(content)
                else:
                    fetched[record.name][offset] = content
        return fetched, findings

    def _piece(self, record: FileRecord, offset: int, length: int) -> bytearray | str:
        """Verified content, or what is wrong with it."""
        block_bytes = self._snapshot.block_bytes
        content, checksum = bytearray(), BlockChecksum(block_bytes)
        try:
            for part in self._storage.stream(f"{self._snapshot.attempt.prefix}/{record.name}", offset, length):
                checksum.update(part)
                content += part
        except ObjectMissingError:
            return f"{record.name} is missing"
        self.bytes_read += len(content)
        first = offset // block_bytes
        expected = record.blocks[first : first + -(-length // block_bytes)]
        for number, (found, wanted) in enumerate(zip(checksum.blocks, expected, strict=False), first):
            if found != wanted:
                return f"{record.name} is damaged in block {number}: checksum {found}, the manifest says {wanted}"
        if len(content) != length:
            return f"{record.name} ends {length - len(content)} bytes early"
        return content
