"""Measuring settings on a server: the model is loaded again with each, and asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainyard.load.generator import Level, fire
from trainyard.load.request import Source
from trainyard.operations.connection import OperationError
from trainyard.tune.search import Measure
from trainyard.tune.server import Server
from trainyard.tune.settings import Settings

Told = Callable[[Settings, Level], None]


def measuring(
    server: Server,
    model: str,
    configuration: Mapping[str, Any],
    source: Source,
    levels: Sequence[int],
    seconds: float,
    told: Told,
) -> Measure:
    """A `Measure` of a running server: answers a second, and at concurrency 1 those of the median request.

    Args:
        server: Where.
        model: Its name.
        configuration: What the settings change.
        source: The request.
        levels: Requests at once.
        seconds: Of each level; one more warms the model up after it was loaded.
        told: Hears of every level.
    """

    def measure(settings: Settings) -> dict[int, float]:
        server.load(model, settings.applied(configuration))
        fire(source.request(), levels[-1], 1)
        found: dict[int, float] = {}
        for concurrency in levels:
            level = fire(source.request(), concurrency, seconds)
            if level.failed:
                kind, count = max(level.troubles.items(), key=lambda pair: pair[1])
                raise OperationError(f"{model} does not answer the probe: {count} × {kind}. Give a request with --body")
            told(settings, level)
            # Of a lone request the median: one that another program delayed would hide what settings cost.
            found[concurrency] = 1 / level.p50 if concurrency == 1 else level.throughput
        return found

    return measure
