"""Mean size of the batches that a Triton formed, from its metrics.

Triton counts requests that it answered and executions of the model; their quotient over an interval is what its
documentation ("Metrics", nv_inference_request_success and nv_inference_exec_count, read 2026-11-21) calls the average
batch size, for requests of one item each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LINE = re.compile(r"^(nv_inference_request_success|nv_inference_exec_count)\{(?P<labels>[^}]*)\} (?P<value>[\d.e+]+)$")
_MODEL = re.compile(r'model="([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a server has done since it started."""

    requests: int
    """Requests that it answered."""
    executions: int
    """Times that a model ran."""

    def mean_batch(self, before: Counts) -> float | None:
        """Requests a run since ``before``; None when nothing ran, or the server has been started again."""
        ran, answered = self.executions - before.executions, self.requests - before.requests
        return answered / ran if ran > 0 and answered >= 0 else None


def read_metrics(text: str) -> Mapping[str, Counts]:
    """Counts by model, from Prometheus' text format."""
    found: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        model = _MODEL.search(match["labels"]) if match else None
        if match and model:
            counts = found.setdefault(model[1], {})
            counts[match[1]] = counts.get(match[1], 0) + int(float(match["value"]))
    return {
        model: Counts(
            requests=counts.get("nv_inference_request_success", 0), executions=counts.get("nv_inference_exec_count", 0)
        )
        for model, counts in found.items()
    }


def total(counts: Mapping[str, Counts]) -> Counts:
    """All models together."""
    return Counts(
        requests=sum(each.requests for each in counts.values()),
        executions=sum(each.executions for each in counts.values()),
    )
