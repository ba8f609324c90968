"""torch.distributed.checkpoint's writer over a storage of ours: checksums on the way, sidecar at the end."""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint import filesystem
from torch.distributed.checkpoint.filesystem import FileSystemBase, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata
from torch.distributed.checkpoint.planner import SavePlan, SavePlanner
from torch.distributed.checkpoint.storage import WriteResult
from torch.futures import Future

from ml_contract.checkpoint.documents import METADATA, FileRecord
from ml_contract.checkpoint.objects import encode
from training_code.checkpoint.checksum import BlockChecksum, Buffer
from training_code.checkpoint.storage import ObjectWriter, Storage


class ChecksummedStream(io.RawIOBase):
    """A write-only stream to one new object that knows the checksums of what went through it."""

    def __init__(self, writer: ObjectWriter, block_bytes: int) -> None:
        self._writer, self._checksum, self._done = writer, BlockChecksum(block_bytes), False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._checksum.update(data)
        self._writer.write(data)
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self._checksum.size

    def close(self) -> None:
        if not self._done:
            self._done = True
            try:
                self._writer.finish(self._checksum.value)
            except BaseException:
                self._writer.abort()
                raise
            finally:
                super().close()

    def abort(self) -> None:
        """Leave no object behind. Without it a forgotten stream, when collected, would finish half of one."""
        if not self._done:
            self._done = True
            self._writer.abort()
            super().close()

    def record(self, name: str) -> FileRecord:
        """Record of what was written."""
        crc = encode(self._checksum.value)
        return FileRecord(name=name, size=self._checksum.size, crc64nvme=crc, blocks=self._checksum.blocks)


class AttemptFiles(FileSystemBase):  # type: ignore[misc, unused-ignore]  # torch may be absent where this is checked
    """The few operations that torch's writer asks of a file system, in one attempt's folder."""

    def __init__(self, storage: Storage, prefix: str, block_bytes: int) -> None:
        self._storage, self._prefix, self._block_bytes = storage, prefix, block_bytes
        self.records: dict[str, FileRecord] = {}

    @contextmanager
    def create_stream(self, path: str | os.PathLike[str], mode: str) -> Iterator[io.IOBase]:
        assert mode == "wb", mode
        name = Path(path).name
        stream = ChecksummedStream(self._storage.create(f"{self._prefix}/{name}"), self._block_bytes)
        try:
            yield stream
            stream.close()
        except BaseException:
            stream.abort()
            raise
        self.records[name] = stream.record(name)

    def write(self, name: str, data: Buffer) -> None:
        """A whole file."""
        with self.create_stream(name, "wb") as stream:
            stream.write(data)  # type: ignore[attr-defined, unused-ignore]

    def concat_path(self, path: str | os.PathLike[str], suffix: str) -> str:
        return f"{os.fspath(path)}/{suffix}"

    def init_path(self, path: str | os.PathLike[str]) -> str:
        return os.fspath(path)

    def exists(self, path: str | os.PathLike[str]) -> bool:  # noqa: ARG002  (an attempt's folder is new)
        return False

    def mkdir(self, path: str | os.PathLike[str]) -> None:
        """Folders come with their files."""

    def rename(self, path: str | os.PathLike[str], new_path: str | os.PathLike[str]) -> None:
        raise AssertionError(f"objects are written under their own names: {path} to {new_path}")

    def rm_file(self, path: str | os.PathLike[str]) -> None:
        raise AssertionError(f"nothing of an attempt is removed while it is written: {path}")

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:  # noqa: ARG003
        return True


class AttemptWriter(FileSystemWriter):  # type: ignore[misc, unused-ignore]
    """Writes one attempt. ``files.records`` holds what this rank wrote."""

    def __init__(
        self, storage: Storage, prefix: str, *, block_bytes: int, close: Callable[[AttemptFiles], None]
    ) -> None:
        """``close`` is called on every rank after its shards, and before any rank knows that all are written."""
        super().__init__(path=prefix, sync_files=False, single_file_per_rank=True, thread_count=1)
        self.files = AttemptFiles(storage, prefix, block_bytes)
        self.fs = self.files  # type: ignore[assignment, unused-ignore]
        self.path, self._close = prefix, close
        # The state is on the CPU already: copying ahead would only copy again.
        self.per_thread_copy_ahead = 0

    def prepare_local_plan(self, plan: SavePlan) -> SavePlan:
        return plan

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        # A rank without items writes no file: an empty one would say nothing.
        written: Future[list[WriteResult]] = Future()
        written.set_result(super().write_data(plan, planner).value() if plan.items else [])
        self._close(self.files)
        return written

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        """Rank 0: write .metadata once, under its own name. Torch would write another and rename, which S3 cannot."""
        # The torch of SageMaker's images (2.4, 2.5) counts no versions.
        metadata.version = getattr(filesystem, "CURRENT_DCP_VERSION", None)
        metadata.storage_data = {result.index: result.storage_data for rank in results for result in rank}
        metadata.storage_meta = self.storage_meta()
        self.files.write(METADATA, pickle.dumps(metadata))
