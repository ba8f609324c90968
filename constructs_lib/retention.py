"""Days that CloudWatch Logs can keep events."""

from __future__ import annotations

from typing import Literal

from aws_cdk import aws_logs as logs

LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827]
"""Source: PutRetentionPolicy, CloudWatch Logs API reference, read 2026-11-21."""

RETENTION: dict[int, logs.RetentionDays] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
}
