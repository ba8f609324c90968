"""How a job ended on this host: the contract's exit code, and the reason for the platform."""

from __future__ import annotations

import signal
import sys

from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code import failure


def interrupted(paths: ContainerPaths) -> int:
    """The job was asked to end and its ranks did; a failure of theirs counts more."""
    if paths.failure.exists():
        return ExitCode.TRAINING_FAILED
    print("launcher: interrupted, the job can be resumed", flush=True)
    return ExitCode.INTERRUPTED


def stopped_before_start() -> int:
    """The job was asked to end before there was a rank."""
    print("launcher: stopped before training started", flush=True)
    return ExitCode.INTERRUPTED


def failed(paths: ContainerPaths, reason: str, code: int) -> int:
    """Record a reason, unless a rank gave its own, and answer with a code of the contract."""
    failure.record(paths.failure, reason)
    print(f"launcher: failed: {paths.failure.read_text()}", file=sys.stderr, flush=True)
    return code if code in set(ExitCode) and code != ExitCode.SUCCESS else ExitCode.TRAINING_FAILED


def reason(who: str, code: int) -> str:
    """What is known of a process that ended with ``code``, below 0 for a signal."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", as the kernel does when memory runs out" if name == "SIGKILL" else ""
        return f"{who} was ended by {name}{hint}"
    return f"{who} ended with exit code {code}: see the log"
