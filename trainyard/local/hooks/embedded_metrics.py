"""Metrics in log events, as CloudWatch Logs takes them out of every group.

Source: "Specification: Embedded metric format", CloudWatch User Guide, read 2026-11-22: an event that is a JSON object
with ``_aws.CloudWatchMetrics`` is a metric for each of its definitions and each of their sets of dimensions; what does
not follow the form is a log event and nothing else.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs

Datum = tuple[str, str, dict[str, str], float, str, list[float]]
"""Namespace, name, dimensions, seconds since 1970, unit, values."""


def install() -> None:
    """Puts the hook in its place."""
    original = cloudwatch_logs._fanout_to_subscription_filters

    @functools.wraps(original)
    def take(group: str, stream: str, events: Sequence[Mapping[str, Any]]) -> Any:
        for event in events:
            for namespace, name, dimensions, at, unit, values in metrics_in(str(event.get("message", ""))):
                cloudwatch._store_datum(namespace, name, dimensions, at, unit, None, values, None, None)
        return original(group, stream, events)

    cloudwatch_logs._fanout_to_subscription_filters = take


def metrics_in(message: str) -> Iterator[Datum]:
    """The metrics that a log event holds; none where it holds no such document."""
    if '"_aws"' not in message:
        return
    try:
        document = json.loads(message)
        metadata = document["_aws"]
        at = metadata["Timestamp"] / 1000
        for directive in metadata["CloudWatchMetrics"]:
            yield from _of_directive(directive, document, at)
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _of_directive(directive: Mapping[str, Any], document: Mapping[str, Any], at: float) -> Iterator[Datum]:
    for definition in directive["Metrics"]:
        given = document[definition["Name"]]
        values = [float(one) for one in (given if isinstance(given, list) else [given])]
        if not all(map(math.isfinite, values)):
            continue
        for names in directive["Dimensions"]:
            dimensions = {name: str(document[name]) for name in names}
            yield directive["Namespace"], definition["Name"], dimensions, at, definition.get("Unit", "None"), values
