"""Which commits stay: the rules one by one, over random histories."""

from __future__ import annotations

import math
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ml_contract.checkpoint.catalog import Attempt
from ml_contract.checkpoint.documents import COMMIT
from ml_contract.checkpoint.objects import Entry
from ml_contract.checkpoint.retention import Candidate, Choice, choose
from ml_contract.training.surroundings import Checkpointing


def candidate(number: int, step: int, loss: float) -> Candidate:
    """The ``number``-th commit in time."""
    entry = Entry(key=COMMIT, size=1, modified=float(number))
    return Candidate(attempt=Attempt(step=step, uuid=str(UUID(int=number)), entries={COMMIT: entry}), loss=loss)


LOSSES = st.one_of(st.just(math.nan), st.integers(0, 6).map(float))
HISTORIES = st.lists(st.tuples(st.integers(1, 20), LOSSES), max_size=14).map(
    lambda commits: [candidate(number, *commit) for number, commit in enumerate(commits)]
)
POLICIES = st.builds(
    Checkpointing, keep_last=st.integers(2, 4), keep_every=st.integers(0, 6), keep_best=st.integers(0, 3)
)


def kept(history: list[Candidate], choice: Choice) -> list[Candidate]:
    return [one for one in history if one.attempt.uuid in choice.kept]


def steps(history: list[Candidate], uuids: frozenset[str]) -> set[int]:
    return {one.attempt.step for one in history if one.attempt.uuid in uuids}


@given(history=HISTORIES, policy=POLICIES)
def test_the_newest_stay(history: list[Candidate], policy: Checkpointing) -> None:
    """Guards the way back: never fewer than ``keep_last``, two at least, and they are the newest."""
    newest = sorted(history, key=lambda one: one.attempt.order)[-policy.keep_last :]
    assert {one.attempt.uuid for one in newest} <= choose(history, policy).counted


@given(history=HISTORIES, policy=POLICIES)
def test_every_step_that_divides_stays_once(history: list[Candidate], policy: Checkpointing) -> None:
    choice = choose(history, policy)
    every = policy.keep_every
    expected = {one.attempt.step for one in history if every and one.attempt.step % every == 0}
    assert steps(history, choice.milestones) == expected
    assert len(choice.milestones) == len(expected)


@given(history=HISTORIES, policy=POLICIES)
def test_nothing_that_goes_is_better_than_the_best_that_stay(history: list[Candidate], policy: Checkpointing) -> None:
    newest = {step: one for one in history for step in [one.attempt.step]}
    losses = sorted(one.loss for one in newest.values() if not math.isnan(one.loss))
    stays = choose(history, policy).kept
    for one in newest.values():
        if one.attempt.uuid not in stays and not math.isnan(one.loss):
            assert len(losses[: policy.keep_best]) == policy.keep_best
            assert all(loss <= one.loss for loss in losses[: policy.keep_best])


@given(history=HISTORIES, policy=POLICIES)
def test_nothing_stays_without_a_reason(history: list[Candidate], policy: Checkpointing) -> None:
    choice = choose(history, policy)
    assert len(choice.counted) <= policy.keep_last + policy.keep_best
    assert choice.kept <= {one.attempt.uuid for one in history}


@given(history=HISTORIES, policy=POLICIES, later=st.integers(0, 3))
def test_what_went_is_not_missed_later(history: list[Candidate], policy: Checkpointing, later: int) -> None:
    """Guards clearing away after each commit: it ends with what a single clearing at the end would have kept."""
    cut = max(0, len(history) - later)
    # A run goes forward: its commits come in the order of their steps.
    both = [candidate(number, number, one.loss) for number, one in enumerate(history, 1)]
    first, rest = both[:cut], both[cut:]
    at_once = choose(both, policy).kept
    assert choose([*kept(first, choose(first, policy)), *rest], policy).kept == at_once


def test_of_equal_losses_the_later_stays() -> None:
    history = [candidate(number, number, 1.0) for number in range(1, 8)]
    policy = Checkpointing(keep_last=2, keep_best=1)
    assert steps(history, choose(history, policy).kept) == {6, 7}


def test_best_and_milestones_stay_beside_the_newest() -> None:
    history = [candidate(number, number, loss) for number, loss in enumerate([5, 1, 4, 2, 3, 6, 7], 1)]
    policy = Checkpointing(keep_last=2, keep_every=3, keep_best=2)
    assert steps(history, choose(history, policy).kept) == {2, 3, 4, 6, 7}
