"""What a checkpoint needs of a storage: objects that are whole or absent, and one write that only the first may do."""

from __future__ import annotations

import abc
from urllib.parse import unquote, urlsplit

from ml_contract.checkpoint.objects import Objects
from ml_contract.errors import reject
from training_code.checkpoint.checksum import Buffer, crc64nvme
from training_code.checkpoint.options import CheckpointOptions


class ObjectWriter(abc.ABC):
    """Writes one new object. It exists only after :meth:`finish`."""

    @abc.abstractmethod
    def write(self, data: Buffer) -> None:
        """Append; ``data`` may be reused by the caller afterwards."""

    @abc.abstractmethod
    def finish(self, crc: int, /) -> None:
        """Make the object visible and durable. ``crc`` is CRC64NVME of the content, for the storage to check."""

    @abc.abstractmethod
    def abort(self) -> None:
        """Leave nothing behind. Never raises."""


class Storage(Objects):
    """A folder of objects that can be written, too."""

    crc = staticmethod(crc64nvme)

    @abc.abstractmethod
    def create(self, key: str) -> ObjectWriter:
        """A writer of a new object."""

    @abc.abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Write a small object at once, in place of an older one."""

    @abc.abstractmethod
    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write a small object at once unless there is one; of several writers exactly one is told True."""


def open_storage(uri: str, options: CheckpointOptions) -> Storage:
    """The storage at ``s3://bucket/prefix`` or ``file:///folder``. Touches nothing yet."""
    parts = urlsplit(uri)
    path = unquote(parts.path).strip("/")
    if parts.scheme == "s3" and parts.netloc and path:
        from training_code.checkpoint.s3_storage import S3Storage

        return S3Storage(parts.netloc, path, options)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and path:
        from training_code.checkpoint.file_storage import FileStorage

        return FileStorage(f"/{path}")
    reject("checkpoint_uri", uri, "it must be s3://bucket/prefix or file:///folder", "Write one of the two forms.")
