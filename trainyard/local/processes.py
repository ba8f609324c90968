"""Processes by their ids: whether they run, what they started, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

_POLL_SECONDS = 0.05


def descendants(pid: int) -> list[int]:
    """Processes below `pid`; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(process.name))
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in children.get(parent, [])]
        found += level
    return found


def kill(pids: list[int]) -> None:
    """Ends processes at once; those that are gone already do not matter."""
    for pid in pids:
        send(pid, signal.SIGKILL)


def send(pid: int, number: signal.Signals) -> None:
    """Sends a signal; a process that is gone already does not matter."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def runs(pid: int, program: str) -> bool:
    """Whether a process runs whose command line names `program`; without /proc the number alone has to do."""
    try:
        return program.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists() and alive(pid)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie, which nobody has collected yet, does not."""
    process = Path(f"/proc/{pid}")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        # The first thread may be a zombie while others still hold the port.
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z" or (
            len(list(process.joinpath("task").iterdir())) > 1
        )
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def await_exit(pid: int, seconds: float) -> bool:
    """Waits until a process is gone; False when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # It may be our child: collect it, or it stays as a zombie.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not alive(pid):
            return True
        time.sleep(_POLL_SECONDS)
    return False
