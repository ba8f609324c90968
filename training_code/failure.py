"""output/failure: the reason of a failed job, as the platform shows it."""

from __future__ import annotations

from pathlib import Path

LIMIT = 1024
"""Characters of the file that become FailureReason (DescribeTrainingJob, API reference, read 2026-11)."""


class PeerLost(RuntimeError):
    """A rank could not go on because another one ended: a consequence, never the cause."""


def describe(error: BaseException) -> str:
    """One line: what a user needs first. A traceback belongs into the log, not here."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | PeerLost) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def record(path: Path, reason: str) -> bool:
    """Write the reason unless there is one: on a host with several ranks the first cause stands.

    Args:
        path: The failure file, ``ContainerPaths.failure``.
        reason: One line; what exceeds ``LIMIT`` characters is cut.

    Returns:
        Whether it was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", errors="replace") as stream:
            stream.write(reason if len(reason) <= LIMIT else reason[: LIMIT - 1] + "…")
    except FileExistsError:
        return False
    return True
