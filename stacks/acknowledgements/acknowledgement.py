"""What an acknowledgement is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """A finding that is accepted in one place."""

    finding: str
    """Regular expression for the whole id of the finding, which names what it found."""
    path: str
    """Regular expression for the end of the resource's path."""
    reason: str
    """Why it must be so, and what is left to fear."""
