"""Another number of ranks than the one that saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_harness import TinyRun, manager, ranks
from checkpoint_targets import commit_sharded, resume_sharded

from training_code.checkpoint import IncompatibleCheckpointError, PerRank
from training_code.checkpoint.rng import RngState, resize


@pytest.mark.slow
@pytest.mark.parametrize(("saved", "resumed"), [(2, 1), (1, 2), (2, 3)])
def test_weights_and_moments_are_redistributed(tmp_path: Path, saved: int, resumed: int) -> None:
    """Guards resharding: the very same numbers, and the next step on them agrees with the one nobody disturbed."""
    uri = f"file://{tmp_path}"
    before = ranks(saved, commit_sharded, uri, 3)[0]
    answers = ranks(resumed, resume_sharded, uri)
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["step"] == 3
    assert answers[0]["model"] == before["model"]
    assert answers[0]["moments"] == before["moments"]
    assert answers[0]["losses"] == before["losses"]
    # And back again to as many as there were.
    assert ranks(saved, resume_sharded, uri)[0]["model"] == before["model"]


@pytest.mark.slow
def test_state_per_rank_needs_a_rule_for_another_world_size(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards positions and generators: they are refused rather than given to the wrong rank."""
    run = TinyRun()
    run.state["loader"] = PerRank(run.progress)
    del run.state["progress"]
    with manager(uri) as checkpoints:
        checkpoints.save(1, run.state)
        checkpoints.wait()
        monkeypatch.setattr(checkpoints._control, "size", 2)
        monkeypatch.setattr(checkpoints._control, "all", lambda value: [value, value])
        with pytest.raises(IncompatibleCheckpointError, match="saved by 1 ranks, and there are 2 now"):
            checkpoints.restore(run.state)


def draws() -> list[float]:
    return torch.rand(3).tolist()


def test_new_ranks_draw_other_numbers_than_old_ones() -> None:
    """Guards dropout against ranks in step, and the caller's own generators against the making of new ones."""
    states: list[dict[str, Any]] = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        states.append(RngState().state_dict())
    drawn = []
    for rank in range(4):
        before = torch.get_rng_state()
        state = resize(states, rank, 4)
        assert torch.equal(torch.get_rng_state(), before)
        RngState().load_state_dict(state)
        drawn.append(draws())
    assert len({tuple(numbers) for numbers in drawn}) == 4
    torch.manual_seed(1)
    assert drawn[1] == draws()
