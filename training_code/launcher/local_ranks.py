"""The ranks of one host under mpirun, which stands between them and PID 1: a folder tells each of the other.

PID 1 leaves its environment there, for ranks that a daemon over SSH starts with next to none. A rank leaves its process
number and, when it ends by itself, its exit code. So a host forwards SIGTERM to its own ranks, whatever version of Open
MPI runs (mpirun ends its ranks by SIGKILL within seconds of a SIGTERM of its own), and knows how they ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Mapping

from ml_contract.paths import ContainerPaths

FOLDER = "mpi"
"""Below the contract's folder, beside input and output."""
_ENVIRONMENT = "environment.json"


class LocalRanks:
    """The folder, from either side."""

    def __init__(self, paths: ContainerPaths) -> None:
        self._folder = paths.base / FOLDER
        self._terminated: set[int] = set()

    def begin(self, environment: Mapping[str, str]) -> None:
        """PID 1: make it anew; an attempt before may have left one.

        Args:
            environment: What every rank of this host is to see.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        # It may hold credentials.
        self._folder.mkdir(parents=True, mode=0o700)
        self._write(_ENVIRONMENT, json.dumps(dict(environment)))

    def join(self, rank: int) -> dict[str, str]:
        """A rank: be found by PID 1. Returns the environment of this host."""
        self._write(f"{rank}.pid", str(os.getpid()))
        found: dict[str, str] = json.loads((self._folder / _ENVIRONMENT).read_text())
        return found

    def leave(self, rank: int, code: int) -> None:
        """A rank: say how it ends."""
        self._write(f"{rank}.code", str(code))

    def terminate(self) -> None:
        """PID 1: SIGTERM to each rank that did not get it yet."""
        for path in self._folder.glob("*.pid"):
            number = int(path.read_text())
            if number not in self._terminated:
                self._terminated.add(number)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGTERM)

    def codes(self) -> dict[int, int | None]:
        """PID 1: exit codes of the ranks that were here; None for one that did not end by itself."""
        found: dict[int, int | None] = {}
        for rank in sorted(int(path.stem) for path in self._folder.glob("*.pid")):
            code = self._folder / f"{rank}.code"
            found[rank] = int(code.read_text()) if code.exists() else None
        return found

    def _write(self, name: str, text: str) -> None:
        # Whole or not there: the other side may read at any time.
        part = self._folder / f"{name}.part"
        part.write_text(text)
        part.rename(self._folder / name)
