"""What an environment says of how it is run."""

from __future__ import annotations

from constructs_lib.retention import LogDays
from constructs_lib.values import Value


class Operation(Value):
    """Who is told what of an environment."""

    log_days: LogDays
    """Days that the log of the events which alarms count is kept."""
