"""What of the exporters' samples is sent, and how often: the same for agents and for the managed collector.

Sources, read 2026-11-22: "Configuration" (metric_relabel_configs: after a scrape, before anything is kept; the series
about a scrape itself, such as ``up``, do not go through it), Prometheus documentation 3; "Using an AWS managed
collector" (an interval of 30 s at least), Amazon Managed Service for Prometheus User Guide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from constructs_lib.observability.exporters import Exporter
from ml_contract.errors import reject

LEAST_SECONDS = 30
MOST_SECONDS = 300
"""Beyond it a counter's rate over Grafana's shortest window would be empty."""
_NAME = "__name__"


def kept(exporters: Iterable[Exporter]) -> list[dict[str, Any]]:
    """Rules (``metric_relabel_configs``) that let through what pages and rules look at, and nothing else.

    Args:
        exporters: Whose samples one scrape brings.
    """
    found = list(exporters)
    names = sorted(name for exporter in found for name in exporter.metrics)
    rules: list[dict[str, Any]] = [{"source_labels": [_NAME], "regex": _any_of(names), "action": "keep"}]
    for one in (one for exporter in found for one in exporter.unused):
        regex = f"({_any_of(one.metrics)});({one.values})"
        rules.append({"source_labels": [_NAME, one.label], "regex": regex, "action": "drop"})
    return rules


def check_interval(seconds: int) -> None:
    """Refuse an interval that no collector takes, or that leaves pages empty.

    Raises:
        ContractError: It is out of range.
    """
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        reject("every_seconds", seconds, f"it is between {LEAST_SECONDS} and {MOST_SECONDS}",
               "Samples are paid by their number: take the longest that is still of use.")  # fmt: skip


def _any_of(names: Iterable[str]) -> str:
    return "|".join(names)
