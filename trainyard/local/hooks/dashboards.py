"""Tags of dashboards, which CloudWatch has beside those of alarms."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cloudwatch


def install() -> None:
    """Lets the emulator's tag operations find dashboards."""
    emulated = cloudwatch._validate_alarm_tag_arn

    def find(arn: str, is_json: bool = False, is_cbor: bool = False) -> Any:
        prefix, _, name = arn.rpartition("dashboard/")
        if prefix == f"arn:aws:cloudwatch::{get_account_id()}:" and cloudwatch._dashboards.get(name):
            return None
        return emulated(arn, is_json=is_json, is_cbor=is_cbor)

    cloudwatch._validate_alarm_tag_arn = find
