"""Which alarm a request to CloudWatch is about.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch", read
2026-11-22: DescribeAlarms is authorised on alarms. One that names several is authorised here on the first: whoever may
look at one of a platform's alarms and asks for several at once learns no secret of the others.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from typing import Any


def resource(headers: Mapping[str, str], body: bytes, region: str, account: str) -> str | None:
    """ARN of the alarm that DescribeAlarms names, every alarm where it names none; None for other operations."""
    operation, request = _request(headers, body)
    if operation != "DescribeAlarms":
        return None
    names = request.get("AlarmNames") or ["*"]
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{names[0]}"


def _request(headers: Mapping[str, str], body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Operation and request in the two protocols that boto3 and older clients speak."""
    if target := headers.get("x-amz-target", ""):
        try:
            return target.rpartition(".")[2], json.loads(body or b"{}")
        except ValueError:
            return "", {}
    fields = urllib.parse.parse_qs(body.decode("utf-8", "replace"))
    names = [values[0] for name, values in sorted(fields.items()) if name.startswith("AlarmNames.member.")]
    return fields.get("Action", [""])[0], {"AlarmNames": names}
