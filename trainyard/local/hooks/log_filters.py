"""FilterLogEvents as CloudWatch answers it: the emulator knows neither prefixes of streams nor further pages."""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudwatch_logs

from trainyard.local.hooks.replies import Reply

_PAGE = 10_000
"""Events a page at most, on AWS and in the emulator."""


def install() -> None:
    """Puts the completed operation in the emulator's place."""
    emulated = cloudwatch_logs._filter_log_events

    def complete(request: dict[str, Any]) -> Reply:
        narrowed, skip = _narrowed(request)
        status, headers, body = emulated(narrowed)
        if status != 200:
            return status, headers, body
        found = json.loads(body)["events"]
        events = found[skip:]
        answer: dict[str, Any] = {"events": events, "searchedLogStreams": []}
        if len(found) == narrowed["limit"]:
            answer["nextToken"] = _token(found)
        return status, headers, json.dumps(answer).encode()

    cloudwatch_logs._filter_log_events = complete


def _narrowed(request: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The request as the emulator understands it, and how many of its events an earlier page showed."""
    narrowed, skip = dict(request), 0
    if "nextToken" in request:
        start, _, shown = request["nextToken"].partition(":")
        narrowed["startTime"], skip = int(start), int(shown)
    narrowed["limit"] = min(int(request.get("limit", _PAGE)) + skip, _PAGE)
    prefix = request.get("logStreamNamePrefix")
    group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(request))
    if prefix and group:
        # An empty list would mean every stream.
        narrowed["logStreamNames"] = [name for name in group["streams"] if name.startswith(prefix)] or [prefix]
    return narrowed, skip


def _token(events: list[dict[str, Any]]) -> str:
    """Where the next page starts: a time, and how many events of that very time were shown."""
    last = events[-1]["timestamp"]
    return f"{last}:{sum(event['timestamp'] == last for event in events)}"
