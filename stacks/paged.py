"""What an environment says of what its operators look at."""

from __future__ import annotations

from constructs_lib.retention import LogDays
from constructs_lib.values import Value


class Pages(Value):
    """Dashboards of training and of endpoints in CloudWatch, saved queries, and an end for logs that have none.

    An account has three dashboards for nothing; each further one is 3 USD a month (CloudWatch's price list, read
    2026-11-22).
    """

    log_days: LogDays
    """Days that logs are kept whose groups AWS makes by itself: of jobs, endpoints, clusters and functions."""
