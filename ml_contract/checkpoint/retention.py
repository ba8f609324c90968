"""Which commits of a run stay: a pure function, the same for the run that clears away and for an operator."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ml_contract.checkpoint.catalog import Attempt
from ml_contract.checkpoint.documents import Commit
from ml_contract.training.surroundings import Checkpointing
from ml_contract.values import value_object

LOSS = "loss"
"""The figure of a commit by which the best are chosen; lower is better."""


@value_object
class Candidate:
    """A commit as retention sees it."""

    attempt: Attempt
    loss: float = math.nan
    """Of its step; not a number where the commit says nothing of it."""

    @classmethod
    def of(cls, attempt: Attempt, commit: Commit) -> Candidate:
        """From what COMMIT says."""
        return cls(attempt=attempt, loss=commit.figures.get(LOSS, math.nan))


@value_object
class Choice:
    """Uuids of the attempts that stay."""

    counted: frozenset[str]
    """The newest and the best: each takes the place of another, so each has to be verified."""
    milestones: frozenset[str]
    """Kept for their step, whatever else there is."""

    @property
    def kept(self) -> frozenset[str]:
        """All of them."""
        return self.counted | self.milestones


def choose(candidates: Iterable[Candidate], policy: Checkpointing) -> Choice:
    """What stays of a run's sound commits.

    Args:
        candidates: Commits of one run, in any order.
        policy: The newest ``keep_last`` stay, of each step that ``keep_every`` divides the newest commit, and the
            ``keep_best`` steps with the lowest loss, of equal ones the later.
    """
    newest_first = sorted(candidates, key=lambda candidate: candidate.attempt.order, reverse=True)
    by_step: dict[int, Candidate] = {}
    for candidate in newest_first:
        by_step.setdefault(candidate.attempt.step, candidate)
    judged = [candidate for candidate in by_step.values() if not math.isnan(candidate.loss)]
    best = sorted(judged, key=lambda candidate: candidate.loss)[: policy.keep_best]
    divided = [candidate for step, candidate in by_step.items() if policy.keep_every and step % policy.keep_every == 0]
    return Choice(counted=_uuids([*newest_first[: policy.keep_last], *best]), milestones=_uuids(divided))


def _uuids(candidates: Sequence[Candidate]) -> frozenset[str]:
    return frozenset(candidate.attempt.uuid for candidate in candidates)
