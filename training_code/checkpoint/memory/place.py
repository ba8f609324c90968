"""A node's own folder in memory: what it may be, whose it is, and what is in it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import time
import uuid
from pathlib import Path

from ml_contract.checkpoint.errors import StorageError
from ml_contract.errors import reject
from ml_contract.training.surroundings import MemoryTier
from training_code.checkpoint.file_storage import FileStorage

FIELD = "checkpointing.memory"
LOCK, NODE = "lock", "node"
"""A file that every process of a run holds locked, and one that names the node for as long as its memory lives."""
MOUNTS = Path("/proc/self/mountinfo")
BEGINNING_SECONDS = 60.0
"""A folder without a lock may be of a run that is just making it, so long after its making."""


class NodePlace:
    """The folder of one run on this node. Building it makes the folder, and holds it until the process ends."""

    def __init__(self, tier: MemoryTier, durable_uri: str) -> None:
        """
        Args:
            tier: Folder and budget, which the job gives.
            durable_uri: The run's durable place: what lies in memory belongs to the commits there.

        Raises:
            ContractError: Folder or budget is not given, or the folder is on no tmpfs.
            StorageError: The folder cannot be made.
        """
        if tier.folder is None:
            reject(f"{FIELD}.folder", None, "a folder of every node's memory is needed",
                   "Run it as a job of a cluster with memory for checkpoints, or give a folder below /dev/shm."
                   )  # fmt: skip
        if tier.budget_mib is None:
            reject(f"{FIELD}.budget_mib", None, "memory is bounded", "Give the MiB of a node that commits may take.")
        base = Path(tier.folder)
        check(base)
        self.folder = base / hashlib.sha256(durable_uri.encode()).hexdigest()[:32]
        self.budget = tier.budget_mib * 2**20
        self.storage = FileStorage(str(self.folder))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / LOCK).open("a")
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        except OSError as error:
            raise StorageError(f"{self.storage.uri}: cannot make the folder: {error.strerror}") from error
        self.storage.put_if_absent(NODE, str(uuid.uuid4()).encode())
        self.node = self.storage.read(NODE).decode()

    def sweep(self) -> None:
        """Free the memory of runs that left this node: their folders lie beside ours, and nobody holds them."""
        for other in self.folder.parent.iterdir():
            if other == self.folder or not re.fullmatch("[0-9a-f]{32}", other.name):
                continue
            with contextlib.suppress(OSError):
                if not (other / LOCK).exists():
                    if time.time() - other.stat().st_mtime > BEGINNING_SECONDS:
                        shutil.rmtree(other)
                    continue
                with (other / LOCK).open("a") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(other)

    @property
    def room(self) -> int:
        """Bytes that commits may take here: the budget, or the whole tmpfs where that is smaller."""
        found = os.statvfs(self.folder)
        return min(self.budget, found.f_blocks * found.f_frsize)

    def close(self) -> None:
        """Hold it no longer; what is in it stays."""
        self._lock.close()

    def clear(self) -> None:
        """Remove everything of this run."""
        shutil.rmtree(self.folder, ignore_errors=True)


def check(folder: Path) -> None:
    """See that a folder is in memory, whether it is there already or not.

    Raises:
        ContractError: It is on another file system: it would be slower than the durable place, or fill the root disk.
    """
    kind = filesystem(folder)
    if kind != "tmpfs":
        reject(f"{FIELD}.folder", str(folder), f"it must be on a tmpfs, and is on {kind}",
               "Give a folder below /dev/shm, or mount one.")  # fmt: skip


def filesystem(folder: Path) -> str:
    """Kind of the file system that a path is on, or would be.

    Source: proc_pid_mountinfo(5): the fifth field is the mount point with octal escapes, the first after " - " the
    kind; of two mounts on one point the later hides the other.
    """
    path = folder.resolve()
    found = (0, "none")
    for line in MOUNTS.read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        point = Path(re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), fields.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= found[0]:
            found = len(point.parts), rest.split()[0]
    return found[1]
