"""Real text that every Python has: the sources of its own standard library."""

from __future__ import annotations

import hashlib
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_contract.errors import reject

_LEFT_OUT = frozenset({"__pycache__", "site-packages", "dist-packages", "test", "tests", "idle_test"})
"""Not the library's own, or missing from distributions that ship the library without its tests."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One source file."""

    name: str
    """Path within the library, with forward slashes."""
    content: bytes
    sha256: str


def standard_library() -> Path:
    """Folder of the running interpreter's library. Raises ContractError where it has no sources."""
    folder = Path(sysconfig.get_path("stdlib"))
    if not (folder / "os.py").is_file():
        reject("standard library", str(folder), "its sources must be there to be read", "Use a Python with sources.")
    return folder


def documents(folder: Path, seed: int) -> Iterator[Document]:
    """The library's sources in an order that the seed and the names alone fix; no content comes twice.

    The order is a hash's, so that any first part of it is a fair sample, on every machine the same.
    """
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*.py")
        if path.is_file() and not _LEFT_OUT.intersection(path.relative_to(folder).parts)
    }
    seen = set()
    for name in sorted(found, key=lambda name: (fraction(f"order/{seed}/{name}"), name)):
        content = found[name].read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if content and digest not in seen:
            seen.add(digest)
            yield Document(name=name, content=content, sha256=digest)


def is_held_out(name: str, *, seed: int, share: float) -> bool:
    """Whether a file is held out: a property of its name and the seed, not of the other files."""
    return fraction(f"split/{seed}/{name}") < share


def fraction(text: str) -> float:
    """A hash of ``text`` as a number from 0 up to 1."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
