"""torch.distributed.checkpoint's reader over a place of ours: nothing is handed on before everything is verified."""

from __future__ import annotations

import io
import os
import pickle
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import LoadPlan, LoadPlanner
from torch.futures import Future

from ml_contract.checkpoint.catalog import Snapshot
from training_code.checkpoint.pieces import Content, Piece, pieces_of
from training_code.checkpoint.writer import AttemptFiles


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
        snapshot: Snapshot,
        metadata: bytes,
        fetch: Callable[[list[Piece]], Iterable[Content]],
        agree: Callable[[list[str]], None],
    ) -> None:
        """
        Args:
            snapshot: What to read.
            metadata: Content of .metadata, verified: it is a pickle.
            fetch: The verified content of pieces, in their order, or what is wrong with each. Collective where
                several ranks load.
            agree: Collective, takes this rank's findings. Raises CorruptCheckpointError everywhere if there are any.
        """  # fmt: skip
        super().__init__(snapshot.attempt.prefix)
        self._snapshot, self._fetch, self._agree = snapshot, fetch, agree
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
        fetched: dict[str, dict[int, bytearray]] = defaultdict(dict)
        findings: list[str] = []
        pieces = pieces_of(self._snapshot, ranges)
        for piece, content in zip(pieces, self._fetch(pieces), strict=True):
            if isinstance(content, str):
                findings.append(content)
            else:
                fetched[piece.record.name][piece.offset] = content
                self.bytes_read += len(content)
        self._agree(findings)
        self.fs = _FetchedFiles(fetched)  # type: ignore[assignment, unused-ignore]
        return super().read_data(plan, planner)
