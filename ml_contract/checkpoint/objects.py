"""What reading and clearing away checkpoints needs of a storage."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import Protocol

from ml_contract.values import value_object


class Crc(Protocol):
    """CRC64NVME, which the standard library lacks; S3 stores the same checksum for a whole object."""

    def __call__(self, data: bytes, previous: int = 0, /) -> int:
        """Checksum of ``data``, continuing ``previous``."""
        ...


def encode(value: int) -> str:
    """16 hexadecimal digits, as documents hold a checksum."""
    return f"{value:016x}"


@value_object
class Entry:
    """An object in a storage."""

    key: str
    """Relative to the storage's address, with forward slashes."""
    size: int
    """Bytes."""
    modified: float
    """Seconds since the epoch, by the storage's clock."""


class Objects(abc.ABC):
    """A folder of objects. Every method raises StorageError naming place and action when it gives up."""

    uri: str
    """Address of the folder, without a slash at its end."""

    @staticmethod
    @abc.abstractmethod
    def crc(data: bytes, previous: int = 0, /) -> int:
        """CRC64NVME of ``data``, continuing ``previous``."""

    @abc.abstractmethod
    def list(self, prefix: str = "") -> list[Entry]:
        """Objects whose key starts with ``prefix``, in any order."""

    @abc.abstractmethod
    def stream(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """Bytes ``start … start + length``, in pieces; fewer where the object ends earlier."""

    @abc.abstractmethod
    def read(self, key: str) -> bytes:
        """A whole small object. Raises ObjectMissingError."""

    @abc.abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; none there is no error."""

    @abc.abstractmethod
    def stored_crc(self, key: str, /) -> int | None:
        """CRC64NVME of the content as the storage itself vouches for it; None where it does not."""

    def place(self, key: str) -> str:
        """Full address of ``key``, for messages."""
        return f"{self.uri}/{key}"
