"""What a checkpoint needs of a storage: objects that are whole or absent, and one write that only the first may do."""

from __future__ import annotations

import abc

from ml_contract.checkpoint.objects import Objects
from training_code.checkpoint.checksum import Buffer, crc64nvme


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
