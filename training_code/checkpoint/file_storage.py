"""Checkpoints in a folder: FSx for Lustre, or a local disk."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from ml_contract.checkpoint.errors import ObjectMissingError, StorageError
from ml_contract.checkpoint.objects import Entry
from training_code.checkpoint.checksum import Buffer
from training_code.checkpoint.storage import ObjectWriter, Storage

PARTIAL = ".partial-"
"""Names of files in the making start with it. Listings show them: a dead writer's are to be found and removed."""


class FileStorage(Storage):
    """Objects are files. Everything is fsynced, folders too, so that what is seen after a power cut was whole."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        self.uri = f"file://{self._root}"

    def list(self, prefix: str = "") -> list[Entry]:
        folder = self._root / prefix.rpartition("/")[0]
        entries = []
        with self._explained("list", folder):
            for parent, _, names in os.walk(folder):
                for name in names:
                    key = (Path(parent) / name).relative_to(self._root).as_posix()
                    # A file may go while we look: another rank's temporary name.
                    with contextlib.suppress(FileNotFoundError):
                        if key.startswith(prefix):
                            found = (Path(parent) / name).stat()
                            entries.append(Entry(key=key, size=found.st_size, modified=found.st_mtime))
        return entries

    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        path = self._root / key
        with self._explained("read", path), path.open("rb", buffering=0) as file:
            file.seek(start)
            while length > 0 and (piece := file.read(min(length, 2**20))):
                length -= len(piece)
                yield piece

    def read(self, key: str) -> bytes:
        path = self._root / key
        with self._explained("read", path):
            return path.read_bytes()

    def create(self, key: str) -> ObjectWriter:
        path = self._root / key
        with self._explained("create", path):
            make_folder(path.parent)
            return _FileWriter(self, path)

    def put(self, key: str, data: bytes) -> None:
        path = self._root / key
        with self._explained("write", path):
            self._written(path, data).replace(path)
            sync_folder(path.parent)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        path = self._root / key
        with self._explained("write", path):
            whole = self._written(path, data)
            try:
                # rename(2) would replace a rival's file in silence; link(2) fails, and the content is already whole.
                path.hardlink_to(whole)
            except FileExistsError:
                return False
            finally:
                whole.unlink()
            sync_folder(path.parent)
        return True

    def delete(self, key: str) -> None:
        path = self._root / key
        with self._explained("delete", path):
            path.unlink(missing_ok=True)
            # Empty folders of an attempt and its step go with their last file.
            with contextlib.suppress(OSError):
                for folder in path.relative_to(self._root).parents:
                    if folder != Path():
                        (self._root / folder).rmdir()

    def stored_crc(self, _key: str, /) -> int | None:
        # A file system vouches for nothing.
        return None

    @staticmethod
    def _written(path: Path, data: bytes) -> Path:
        """A durable temporary file beside ``path``."""
        make_folder(path.parent)
        partial = path.with_name(f"{PARTIAL}{uuid.uuid4()}")
        try:
            with partial.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return partial

    @contextlib.contextmanager
    def _explained(self, action: str, path: Path) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectMissingError(f"file://{path}: cannot {action}: there is no such file") from error
        except OSError as error:
            hint = " Free space, or keep fewer checkpoints." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            raise StorageError(f"file://{path}: cannot {action}: {error.strerror}.{hint}") from error


class _FileWriter(ObjectWriter):
    def __init__(self, storage: FileStorage, path: Path) -> None:
        self._storage, self._path = storage, path
        self._partial = path.with_name(f"{PARTIAL}{uuid.uuid4()}")
        self._file = self._partial.open("xb", buffering=2**20)

    def write(self, data: Buffer) -> None:
        with self._storage._explained("write", self._path):
            self._file.write(data)

    def finish(self, _crc: int, /) -> None:
        # Nothing on the other side could check it.
        with self._storage._explained("write", self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.rename(self._path)
            sync_folder(self._path.parent)

    def abort(self) -> None:
        # Closing flushes, which fails again on a full disk.
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a folder with its parents, durably."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for created in missing:
        sync_folder(created.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
