"""What is asked of spot, the rate of interruptions that it bears, and the best time between checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ml_contract.checks import at_least, between
from ml_contract.errors import ContractError, reject
from ml_contract.sizing.interruptions import InterruptedRun, expect
from ml_contract.sizing.interval import optimal_interval
from trainyard.whatif.answer import hours
from trainyard.whatif.price import Price


@dataclass(frozen=True, kw_only=True)
class Spot:
    """The question."""

    run: InterruptedRun
    """On spot; ``per_hour`` counts interruptions of any of its instances."""
    instances: int
    on_demand: Price
    spot: Price
    deadline_seconds: float | None = None
    """When the run must have ended; None where nobody waits for it."""
    runs: int = 5000
    """Runs that are simulated."""
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("instances", self.instances, 1)
        between("runs", self.runs, 100, 1_000_000)
        least = self.run.undisturbed_seconds
        if self.deadline_seconds is not None and self.deadline_seconds < least:
            reject("within", hours(self.deadline_seconds), f"the run takes {hours(least)} without any interruption",
                   "Give more time, or more instances and their shorter run.")  # fmt: skip

    @property
    def undisturbed(self) -> InterruptedRun:
        """The same run on demand, which nobody interrupts."""
        return replace(self.run, per_hour=0.0)

    def cost(self, held_seconds: float, price: Price) -> float:
        """Of so much time with all instances."""
        return held_seconds / 3600 * self.instances * price.amount


def break_even(question: Spot) -> float | None:
    """Interruptions of the job an hour from which spot costs what on demand does; None where it never does.

    The expected time grows with the rate, so halving finds it.
    """
    limit = question.cost(question.undisturbed.undisturbed_seconds, question.on_demand)

    def dearer(per_hour: float) -> bool:
        try:
            run = replace(question.run, per_hour=per_hour)
        except ContractError:
            return True
        return question.cost(expect(run).held_seconds, question.spot) > limit

    if question.spot.amount >= question.on_demand.amount:
        return 0.0
    low, high = 0.0, 3600.0
    if not dearer(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if dearer(middle) else (middle, high)
    return high


def best_interval(run: InterruptedRun) -> float | None:
    """By Young and Daly, not below the commit's time; None without interruptions or where saves stall nothing."""
    if not run.per_hour or not run.stall_seconds:
        return None
    return min(run.work_seconds, max(optimal_interval(run.stall_seconds, 1 / run.rate), run.commit_seconds))
