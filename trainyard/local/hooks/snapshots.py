"""Snapshots on disk, each whole or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path


class StateError(ValueError):
    """What is on disk cannot be read. The message is one line meant for a user."""


class Snapshots:
    """Generations of files in a folder, of which `current` names the one that counts.

    A generation is written beside the others, synced, and becomes current by one rename: a kill at any moment leaves
    the previous one in force, and services never see states of different moments.
    """

    def __init__(self, folder: Path) -> None:
        """Opens the folder; what a kill left half-written in it is removed."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._current = self._read_current()
        self._digests = {name: _digest(self.load(name)) for name in self.names()}
        for found in folder.iterdir():
            if found.is_dir() and found != self._current:
                shutil.rmtree(found)

    def load(self, name: str) -> bytes | None:
        """One file of the current generation, or None."""
        try:
            return (self._current / name).read_bytes() if self._current else None
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Files of the current generation."""
        return sorted(path.name for path in self._current.iterdir()) if self._current else []

    def write(self, files: Mapping[str, bytes | None]) -> bool:
        """Makes the current files, updated by these, a new generation; None removes one. False when nothing changed."""
        digests = {name: _digest(content) for name, content in files.items()}
        changed = {name for name, digest in digests.items() if self._digests.get(name, b"") != digest}
        if not changed:
            return False
        previous = self._current
        target = self.folder / f"{_number(previous) + 1:08d}"
        target.mkdir()
        for name in self.names():
            if name not in changed:
                os.link(self._path(name), target / name)
        for name in changed:
            content = files[name]
            if content is not None:
                _write_synced(target / name, content)
        _sync_folder(target)
        _write_synced(self.folder / "current.new", target.name.encode())
        (self.folder / "current.new").rename(self.folder / "current")
        _sync_folder(self.folder)
        self._current = target
        self._digests |= digests
        if previous is not None:
            shutil.rmtree(previous)
        return True

    def _path(self, name: str) -> Path:
        assert self._current is not None
        return self._current / name

    def _read_current(self) -> Path | None:
        try:
            found = self.folder / (self.folder / "current").read_text()
        except FileNotFoundError:
            return None
        return found if found.is_dir() and found != self.folder else None


def _digest(content: bytes | None) -> bytes:
    # What was never there and what was removed are the same.
    return hashlib.blake2b(content).digest() if content is not None else b""


def _number(generation: Path | None) -> int:
    return int(generation.name) if generation is not None else 0


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
