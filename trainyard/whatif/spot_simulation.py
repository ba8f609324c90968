"""Runs that are interrupted at random, one after the other: what the closed formula gives the means of."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ml_contract.checks import between
from ml_contract.errors import reject
from ml_contract.sizing.interruptions import InterruptedRun, expect

MOST_EVENTS = 5_000_000
"""Interruptions of all runs together that a simulation plays: some seconds."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run."""

    held_seconds: float
    """Time with instances."""
    elapsed_seconds: float
    """From the first start to the end."""
    interruptions: int


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Many runs."""

    outcomes: tuple[Outcome, ...]

    @property
    def held(self) -> list[float]:
        """Seconds with instances of each run, ascending."""
        return sorted(each.held_seconds for each in self.outcomes)

    @property
    def elapsed(self) -> list[float]:
        """Seconds from start to end of each run, ascending."""
        return sorted(each.elapsed_seconds for each in self.outcomes)

    @property
    def interruptions(self) -> float:
        """Their mean."""
        return statistics.fmean(each.interruptions for each in self.outcomes)

    def within(self, seconds: float) -> float:
        """Share of the runs that ended in so much time."""
        return sum(each.elapsed_seconds <= seconds for each in self.outcomes) / len(self.outcomes)


def quantile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


def simulate(run: InterruptedRun, *, runs: int, seed: int = 0) -> Simulated:
    """Play runs from start to end.

    Args:
        run: What is interrupted, and how often.
        runs: How many.
        seed: Of the random times.

    Raises:
        ContractError: No run, or so many interruptions that nobody would wait for it.
    """
    between("runs", runs, 1, MOST_EVENTS)
    events = runs * expect(run).interruptions
    if events > MOST_EVENTS:
        reject("runs", runs, f"they are interrupted about {events:.2g} times in all, and {MOST_EVENTS:,} are played",
               "Give fewer runs, or a lower rate.")  # fmt: skip
    source = random.Random(seed)  # noqa: S311 — chance, not secrecy
    return Simulated(outcomes=tuple(_play(run, source) for _ in range(runs)))


def _play(run: InterruptedRun, source: random.Random) -> Outcome:
    held = waited = 0.0
    interruptions, left = 0, run.saves
    if run.per_hour == 0:
        return Outcome(held_seconds=run.undisturbed_seconds, elapsed_seconds=run.undisturbed_seconds, interruptions=0)
    while True:
        undisturbed = source.expovariate(run.rate)
        needed = run.restart_seconds + left * run.segment_seconds + run.commit_seconds
        if undisturbed >= needed:
            held += needed
            return Outcome(held_seconds=held, elapsed_seconds=held + waited, interruptions=interruptions)
        held += undisturbed
        interruptions += 1
        # What was committed counts: whole intervals whose save had time to get through.
        trained = undisturbed - run.restart_seconds - run.commit_seconds
        left -= max(0, math.floor(trained / run.segment_seconds))
        if run.wait_seconds:
            waited += source.expovariate(1 / run.wait_seconds)
