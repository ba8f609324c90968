"""Lines of a container's log. A line is one write: those of several ranks and threads share one stream."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write one line to standard output at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
