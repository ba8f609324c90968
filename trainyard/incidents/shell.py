"""The shell in which a runbook's commands run: one after the other, each with the variables that earlier ones set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

_SECONDS = 240.0
_OVERTIME = 124
"""What timeout(1) says."""


def search_path() -> str:
    """Where the commands' programs are looked for.

    First beside this interpreter, whether its environment is activated or not: `trainyard` is the one that plays.
    """
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended."""

    command: str
    status: int
    """Its exit status; 124 where it took too long."""
    output: str
    """Standard output and standard error as they came."""
    seconds: float


@dataclass
class Shell:
    """A bash that talks to one cloud, and to no other: what the caller's shell says of AWS does not reach it."""

    variables: Mapping[str, str]
    """What the commands find in their environment beside the caller's own."""
    _folder: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="trainyard-incident-"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def run(self, command: str, seconds: float = _SECONDS) -> Ran:
        """Run one command to its end; a pipe fails with any of its parts."""
        state = Path(self._folder.name) / "state"
        state.touch()
        script = f"set -eu -o pipefail -o allexport\n. {state}\ntrap 'export -p > {state}' EXIT\n{command}\n"
        began = time.monotonic()
        # A session of its own: whatever a command started ends with it.
        process = subprocess.Popen(
            ["bash", "-c", script],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            status = _OVERTIME
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Ran(command=command, status=status, output=output.rstrip(), seconds=time.monotonic() - began)

    def _environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**own, "AWS_PAGER": "", "NO_COLOR": "1", **self.variables, "PATH": search_path()}
