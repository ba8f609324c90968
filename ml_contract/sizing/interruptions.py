"""Time that a run takes when it is interrupted: in closed form, exactly for the model that is said here.

A run works for a while, in n intervals of s seconds (work and the stall of a save each), and ends when its last save
is committed. A save is committed L seconds after its interval ended, while the next one is under way (L = 0: training
stands still until the commit). Interruptions come at random at a rate λ (exponential times), whenever instances are
held. Each costs everything since the call of the newest save that has its commit; then a start of R seconds must
pass without another one (image, process groups, restoring).

From a start on, the first commit needs s + L undisturbed seconds, and each further one s more, since it is L seconds
into its interval when the one before is committed. With the mean number exp(λx) - 1 of failures before x undisturbed
seconds,

    T = (exp(λR) - 1) / λ  +  exp(λR) (exp(λ(s + L)) - 1) / λ  +  (n - 1) exp(λ(R + L)) (exp(λs) - 1) / λ

seconds of held instances: the first start, the first commit, the others. For L = 0 the rest is Daly's equation 20
("A higher order estimate of the optimum checkpoint interval for restart dumps", Future Generation Computer Systems 22,
2006), M exp(R/M) (exp((τ + δ)/M) - 1) T_s/τ; the commit's lag is this project's addition, derived as he does. Waiting
for capacity lies between interruption and start: it takes time, costs nothing, and cannot be interrupted. There are λT
interruptions on average, since they come at the rate λ while instances are held and at no other time.
"""

from __future__ import annotations

import math

from ml_contract.checks import between
from ml_contract.errors import reject
from ml_contract.values import value_object

MOST_LOAD = 10.0
"""Interruptions in the time from a start to the first commit, at most: beyond it hardly one start in 20 000 gets
there."""
_LONGEST = 10 * 365 * 86400.0


@value_object
class InterruptedRun:
    """A run, its checkpoints, and how it is interrupted."""

    work_seconds: float
    """Work of the run, without saves and interruptions."""
    interval_seconds: float
    """Work between two saves. So many equal intervals fill the run that none is longer."""
    stall_seconds: float = 0.0
    """For which training stands still at a save."""
    commit_seconds: float = 0.0
    """From the end of the stall to the commit, while training goes on."""
    restart_seconds: float = 0.0
    """From instances to the first new step; of the first start, too."""
    wait_seconds: float = 0.0
    """Mean time without instances after an interruption."""
    per_hour: float
    """Interruptions of the whole job an hour."""

    def __post_init__(self) -> None:
        for field in ("work_seconds", "interval_seconds"):
            between(field, getattr(self, field), 0, _LONGEST, open_low=True)
        for field in ("stall_seconds", "commit_seconds", "restart_seconds", "wait_seconds"):
            between(field, getattr(self, field), 0, _LONGEST)
        between("per_hour", self.per_hour, 0, 3600)
        if self.commit_seconds > self.segment_seconds:
            reject("interval_seconds", self.interval_seconds, "a save begins when the one before is committed,"
                   f" {self.commit_seconds:g} s after it, and an interval is {self.segment_seconds:g} s",
                   f"Give {self.commit_seconds:g} or more.")  # fmt: skip
        load = self.rate * (self.restart_seconds + self.segment_seconds + self.commit_seconds)
        if load > MOST_LOAD:
            rule = f"the job is interrupted {load:.0f} times in the time from a start to its first commit"
            reject("per_hour", self.per_hour, rule, "Take a shorter interval, fewer instances, or on demand.")

    @property
    def rate(self) -> float:
        """Interruptions a second."""
        return self.per_hour / 3600

    @property
    def saves(self) -> int:
        """Saves of the run, the last one among them."""
        return math.ceil(self.work_seconds / self.interval_seconds - 1e-9)

    @property
    def segment_seconds(self) -> float:
        """One interval with its stall."""
        return self.work_seconds / self.saves + self.stall_seconds

    @property
    def undisturbed_seconds(self) -> float:
        """Held instances, seconds, without any interruption."""
        return self.restart_seconds + self.saves * self.segment_seconds + self.commit_seconds


@value_object
class Expectation:
    """Means over all runs."""

    held_seconds: float
    """Time with instances: what is billed."""
    elapsed_seconds: float
    """From the first start to the end, waiting for capacity among it."""
    interruptions: float


def expect(run: InterruptedRun) -> Expectation:
    """What a run takes on average, by the formula above."""
    rate, segment, commit = run.rate, run.segment_seconds, run.commit_seconds
    again = math.exp(rate * run.restart_seconds)
    held = (
        _until(rate, run.restart_seconds)
        + again * _until(rate, segment + commit)
        + (run.saves - 1) * again * math.exp(rate * commit) * _until(rate, segment)
    )
    interruptions = rate * held
    return Expectation(held_seconds=held, elapsed_seconds=held + interruptions * run.wait_seconds,
                       interruptions=interruptions)  # fmt: skip


def _until(rate: float, seconds: float) -> float:
    """Mean time until so many seconds have passed without an interruption, seconds."""
    return math.expm1(rate * seconds) / rate if rate * seconds > 1e-12 else seconds
