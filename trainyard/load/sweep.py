"""Level after level of concurrency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ml_contract.errors import reject
from trainyard.load.batches import Counts
from trainyard.load.generator import Level, fire
from trainyard.load.request import Source

Counting = Callable[[], Counts | None]
"""What the server counts so far; None where that cannot be had."""


def sweep(
    source: Source,
    levels: Sequence[int],
    seconds: float,
    *,
    warmup_seconds: float = 1.0,
    counts: Counting | None = None,
) -> Iterator[Level]:
    """Measure each level, as it is asked for.

    Args:
        source: Makes the request of each level.
        levels: Requests at once.
        seconds: How long each level takes.
        warmup_seconds: Load before the first level that is not counted; 0 for none.
        counts: Asked before and after each level, for the mean batch.
    """
    if warmup_seconds > 0:
        fire(source.request(), levels[0], warmup_seconds)
    for concurrency in levels:
        before = counts() if counts else None
        level = fire(source.request(), concurrency, seconds)
        after = counts() if counts else None
        yield replace(level, batch=after.mean_batch(before)) if before and after else level


def read_levels(text: str) -> list[int]:
    """Read ``1,8,32``.

    Raises:
        ContractError: Something in it is no positive number.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) <= 10_000 for part in parts):
        reject("--concurrency", text, "it lists numbers from 1 to 10000", "Write for example 1,8,32.")
    return [int(part) for part in parts]
