"""The answer that CloudFormation waits for."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

_TRIES = 3
_TIMEOUT_SECONDS = 10
_LONGEST_REASON = 1500
"""Bytes of JSON; the whole answer may have 4096. Source: "Custom resource response objects", CloudFormation User
Guide, read 2026-11-22."""


def answer(
    event: dict[str, Any], *, identity: str, data: dict[str, Any] | None = None, reason: str | None = None
) -> None:
    """Tell CloudFormation how a request ended.

    Args:
        event: The request.
        identity: Physical id of the resource.
        data: Attributes of the resource.
        reason: Why it failed; None where it succeeded.

    Raises:
        OSError: CloudFormation could not be reached; Lambda then runs the request again.
    """
    body = {
        "Status": "SUCCESS" if reason is None else "FAILED",
        "Reason": _short(reason or ""),
        "PhysicalResourceId": identity,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        "Data": data or {},
    }
    # A signed address of S3 is for one method and no content type.
    request = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""},
                                     method="PUT")  # fmt: skip
    for left in reversed(range(_TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):
                return
        except OSError:
            if not left:
                raise


def _short(reason: str) -> str:
    """As much of a reason as fits: what is not ASCII takes six bytes of JSON, or twelve, each."""
    while len(json.dumps(reason)) > _LONGEST_REASON:
        reason = reason[: len(reason) * 3 // 4]
    return reason
