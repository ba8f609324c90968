"""Which settings to measure, and which to take. It knows nothing of servers.

Two rounds: batching first, with one copy of one thread; then copies and threads within the machine's processors, with
the batching that won. A fixed queue delay can make a lone request several times slower, so what loses at concurrency 1
is out, however fast it is under load; what counts as losing is a rule with a margin and a floor.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ml_contract.errors import reject
from ml_contract.packaging import DynamicBatching
from trainyard.tune.settings import Settings

Measure = Callable[[Settings], Mapping[int, float]]
"""Answers a second at each concurrency, once."""

REFERENCE = Settings()
"""What concurrency 1 is held against: no batching, one copy, one thread."""
DELAYS = (0, 100, 500, 2000)
"""Microseconds that are tried."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How it is decided."""

    levels: tuple[int, ...] = (1, 8, 32)
    """Requests at once; the first is the lone request's."""
    rounds: int = 3
    """Repetitions; in each, every candidate has its turn, so that a slow minute hits all alike."""
    margin: float = 0.05
    """Share by which two throughputs may differ and count as the same."""
    floor: float = 100e-6
    """Seconds that a lone request may take longer and still lose nothing: a batcher hands each request from thread to
    thread, 30 to 90 microseconds that matter to a model of less than a millisecond alone and to no client of an
    endpoint, whose signed request takes milliseconds. 0 is the strict reading."""

    def __post_init__(self) -> None:
        """Check each field."""
        if not self.levels or list(self.levels) != sorted(set(self.levels)) or self.levels[0] < 1:
            reject("levels", self.levels, "they ascend from at least 1", "Give for example 1,8,32.")
        if self.rounds < 1:
            reject("rounds", self.rounds, "something must be measured", "Give 1 or more.")
        if not 0 <= self.margin < 1:
            reject("margin", self.margin, "it is a share from 0 to below 1", "Give for example 0.05.")
        if self.floor < 0:
            reject("floor", self.floor, "it cannot be negative", "Give 0 or more seconds.")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Settings with what was measured."""

    settings: Settings
    """What was tried."""
    throughput: Mapping[int, float]
    """Median of the rounds, answers a second, by concurrency."""
    spread: float
    """Largest distance of a round from its median, as a share."""
    lone: float
    """Throughput at the first level, as a share of the reference's in the same rounds."""
    score: float
    """Geometric mean over the higher levels of the throughput, as a share of the reference's."""
    rejected: str = ""
    """Why it is out; empty when it is not."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the search came to."""

    best: Candidate
    """What to take."""
    candidates: tuple[Candidate, ...]
    """Everything measured, the reference first."""
    rules: Rules = field(default_factory=Rules)
    """How it was decided."""


def batchings(largest: int) -> list[DynamicBatching | None]:
    """Kinds of batching for a model that takes ``largest`` at once."""
    if largest <= 1:
        return [None]
    found: list[DynamicBatching | None] = [None]
    for delay in DELAYS:
        found.append(DynamicBatching(max_queue_delay_microseconds=delay))
        if delay:
            sizes = tuple(sorted({max(2, largest // 4), largest}))
            found.append(DynamicBatching(max_queue_delay_microseconds=delay, preferred_sizes=sizes))
    return found


def placements(processors: int) -> list[tuple[int, int]]:
    """Copies and threads that fit on ``processors``, powers of two."""
    powers = [2**power for power in range(int(math.log2(max(1, processors))) + 1)]
    return [(copies, threads) for copies in powers for threads in powers if copies * threads <= processors]


def search(measure: Measure, largest: int, processors: int, rules: Rules) -> Outcome:
    """Measure candidates and choose.

    Args:
        measure: Measures settings once.
        largest: The model's largest batch.
        processors: What copies times threads may use.
        rules: How it is decided.
    """
    first = _measured(measure, [Settings(batching=kind) for kind in batchings(largest)], rules)
    batching = choose(first, rules).settings.batching
    more = [
        Settings(batching=batching, instances=copies, threads=threads) for copies, threads in placements(processors)
    ]
    seen = {candidate.settings for candidate in first}
    second = _measured(measure, [REFERENCE, *(each for each in more if each not in seen)], rules)
    # Of the second round its own reference is dropped: it was there to hold the others against.
    everything = [*first, *second[1:]]
    return Outcome(best=choose(everything, rules), candidates=tuple(everything), rules=rules)


def choose(candidates: Sequence[Candidate], rules: Rules) -> Candidate:
    """The best score that is not out; within the margin of it, what takes the least."""
    allowed = [candidate for candidate in candidates if not candidate.rejected]
    top = max(candidate.score for candidate in allowed)
    close = [candidate for candidate in allowed if candidate.score >= top * (1 - rules.margin)]
    return min(close, key=lambda candidate: (candidate.settings.effort, -candidate.score))


def _measured(measure: Measure, settings: Sequence[Settings], rules: Rules) -> list[Candidate]:
    rounds = [{each: measure(each) for each in settings} for _ in range(rules.rounds)]
    return [_candidate(each, [found[each] for found in rounds], [found[REFERENCE] for found in rounds], rules)
            for each in settings]  # fmt: skip


def _candidate(
    settings: Settings,
    found: Sequence[Mapping[int, float]],
    reference: Sequence[Mapping[int, float]],
    rules: Rules,
) -> Candidate:
    lowest, pairs = rules.levels[0], list(zip(found, reference, strict=True))
    median = {level: statistics.median(each[level] for each in found) for level in rules.levels}
    ratios = {
        level: statistics.median(_ratio(each[level], other[level]) for each, other in pairs) for level in rules.levels
    }
    spread = max(abs(_ratio(each[level], median[level]) - 1) for each in found for level in rules.levels)
    longer = statistics.median(_wait(each[lowest], lowest) - _wait(other[lowest], lowest) for each, other in pairs)
    lone, higher = ratios[lowest], [ratios[level] for level in rules.levels[1:]] or [ratios[lowest]]
    rejected = ""
    if settings != REFERENCE and lone < 1 - rules.margin and longer > rules.floor:
        rejected = f"{1 - lone:.0%} slower at concurrency {lowest}"
    if not all(higher):
        rejected = "no answer under load"
    score = math.prod(higher) ** (1 / len(higher))
    return Candidate(settings=settings, throughput=median, spread=spread, lone=lone, score=score, rejected=rejected)


def _ratio(rate: float, other: float) -> float:
    return rate / other if other else 0.0


def _wait(rate: float, concurrency: int) -> float:
    """Seconds of a request, of ``concurrency`` at once that are answered at ``rate``."""
    return concurrency / rate if rate else math.inf
