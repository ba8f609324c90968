"""Times as the page shows them: all in UTC, whatever the reader's machine is set to."""

from __future__ import annotations

from datetime import UTC, datetime


def clock(time: datetime) -> str:
    """Time of the day."""
    return f"{time.astimezone(UTC):%H:%M:%S}"


def day(time: datetime) -> str:
    """Day and time."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def plotted(time: datetime) -> datetime:
    """For an axis: Plotly shows a time as it is written and leaves its zone out."""
    return time.astimezone(UTC).replace(tzinfo=None)
