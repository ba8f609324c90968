"""Saves in the memory of several nodes, and what runs resume with after losses."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from checkpoint_harness import Ranks, ranks
from memory_targets import (
    PLOTS,
    both_at_once,
    dies_in_memory,
    replicated,
    resumed_by_rank,
    scenes,
    trained,
    two_to_a_node,
)

pytestmark = pytest.mark.slow

SAME, TURNED = (0, 1, 2, 3), (2, 3, 0, 1)
AFTER = {
    # what befell the nodes, and which node each rank is on -> tier, step, what rank 0 is told besides
    ("nothing", SAME): ("memory", 4, ""),
    ("nothing", (3, 1, 0, 2)): ("memory", 4, ""),
    ("one lost", SAME): ("memory", 4, ""),
    ("one lost", TURNED): ("memory", 4, ""),
    ("opposites lost", SAME): ("memory", 4, ""),
    ("neighbours lost", SAME): ("durable", 2, "files, __1_0.distcp among them, are on no living node"),
    ("a bit of one copy", SAME): ("memory", 4, "__1_0.distcp is damaged in block 0"),
    ("a bit of one copy", TURNED): ("memory", 4, "taken from another node"),
    ("a bit of both copies", TURNED): ("memory", 3, "quarantined memory"),
    ("a state of both copies", SAME): ("memory", 3, "rank-00003.state is damaged"),
    ("a document of one node", SAME): ("memory", 4, ""),
    ("no commit", SAME): ("memory", 3, ""),
    ("one commit", (1, 0, 3, 2)): ("memory", 4, ""),
}  # fmt: skip


def test_what_a_run_resumes_with_after_losses(base: Path, tmp_path: Path) -> None:
    """Guards every fall: to the peer's copy, to the commit before, to the durable tier; and never to other numbers."""
    uri = f"file://{tmp_path}/durable"
    assert {plot for plot, _ in AFTER} == set(PLOTS)
    of_ranks = ranks(4, scenes, uri, str(base), list(AFTER))
    steps = {}
    for answers in of_ranks:
        whole = answers[0][1]
        for (plot, order), (tier, after, told) in zip(AFTER, answers[1:], strict=True):
            expected_tier, step, line = AFTER[plot, order]
            assert (tier, after["step"]) == (expected_tier, step), (plot, order, told)
            assert after["losses"] == whole["losses"][:step]
            # Whatever tier a step came from, its numbers are the same on every rank.
            assert steps.setdefault(step, after) == after
            assert step < 4 or after == whole
    for (plot, order), (_, _, told) in zip(AFTER, of_ranks[0][1:], strict=True):
        line, others = AFTER[plot, order][2], [one for one in told if not one.startswith("restored")]
        assert any(line in one for one in others) if line else not others, (plot, order, told)

    # Half of the nodes, half of the ranks: what lay on four is redistributed over two that hold it together.
    after = base / f"after-{list(AFTER).index(('opposites lost', SAME))}"
    shutil.rmtree(after / "0")
    (after / "3").rename(after / "0")
    fewer = ranks(2, resumed_by_rank, uri, str(after))
    for tier, picture, _ in fewer:
        assert tier == "memory"
        assert picture == of_ranks[0][0][1]


def test_both_tiers_save_at_once(base: Path, tmp_path: Path) -> None:
    """Guards two threads that talk at once: each has a group of its own."""
    for before, (tier, after, _), told in ranks(2, both_at_once, f"file://{tmp_path}/durable", str(base)):
        assert told.count(("committed", "durable")) == told.count(("committed", "memory")) == 8
        assert not {kind for kind, _ in told} & {"warning", "failed", "quarantined"}
        assert (tier, after) == ("memory", before)


def test_two_ranks_of_a_node_share_its_memory(base: Path, tmp_path: Path) -> None:
    answers = ranks(4, two_to_a_node, f"file://{tmp_path}/durable", str(base))
    for rank, (before, names, steps, (tier, after, told), left) in enumerate(answers):
        # One copy of everything on both nodes, and all documents.
        shards = [f"__{number}_0.distcp" for number in range(4)]
        own = [f"rank-{number:05d}.{kind}" for number in range(4) for kind in ("sidecar.json", "state")]
        assert names == sorted([".metadata", "COMMIT.json", *shards, *own]), rank
        # The newest two, and none of step 3.
        assert steps == ["step-00000004", "step-00000005"]
        assert (tier, after) == ("memory", before), told
        assert left == []


def test_what_several_ranks_hold_alike_lies_on_one_node_and_reaches_all(base: Path, tmp_path: Path) -> None:
    """Guards DDP: torch divides the writing, so every rank reads from every node; and a loss without copies."""
    for rank, (content, written, together, lost) in enumerate(ranks(2, replicated, f"file://{tmp_path}/x", str(base))):
        assert written == [f"__{rank}_0.distcp"]
        assert together == (3, content, ["restored"])
        # With nothing durable there is nothing to go on from, and nothing that a person had to decide.
        assert lost[0] == 0
        assert lost[2] == (["warning"] if rank == 0 else [])


@pytest.mark.parametrize(("moment", "step"), [("copying", 3), ("committing", 4)])
def test_a_node_that_dies_while_saving_leaves_all_or_none(base: Path, tmp_path: Path, moment: str, step: int) -> None:
    """Guards half a commit: a rank is killed in any phase. The save counts once one node has its COMMIT."""
    uri = f"file://{tmp_path}/durable"
    launch = Ranks(2, resumed_by_rank, uri, str(base), doomed=partial(dies_in_memory, uri, str(base), moment))
    for tier, picture, told in launch.answers():
        assert (tier, picture["step"]) == ("memory", step), told
    # What the dead save left is gone with the next one.
    assert list(base.glob("*/*/step-00000004"))
    ranks(2, trained, uri, str(base), durable=2, last=5)
    held = {path.parent.name for path in base.glob("*/*/step-00000004/*/*")}
    assert len(held) == 1
    assert not list(base.glob("*/*/step-00000003/*/*"))
