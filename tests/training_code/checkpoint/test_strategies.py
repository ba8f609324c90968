"""The decisive faults under each way to divide a model: a kill while writing, a bad disk, a damaged shard."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from checkpoint_harness import Ranks, ranks
from strategy_targets import STRATEGIES, alone, die_while_saving, import_deepspeed, suffer

from training_code.checkpoint import load_weights


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_fault_costs_more_than_the_step_it_hit(tmp_path: Path, strategy: str) -> None:
    """Guards one protocol for all strategies."""
    if strategy == "zero3" and find_spec("deepspeed") is None:
        pytest.skip("the training environment is not installed")
    imports = import_deepspeed if strategy == "zero3" else None
    uri = f"file://{tmp_path}"
    doomed = partial(die_while_saving, strategy, uri, 3000)
    answers = Ranks(2, suffer, strategy, uri, imports=imports, doomed=doomed).answers()
    for rank, found in enumerate(answers):
        assert found["resumed from"] == 1, "after SIGKILL in the middle of step 2"
        assert found["as if undisturbed"], "the numbers of a run that nothing happened to, bit for bit"
        told = "StorageError: step 4 was not saved: rank 1: file:///shard: cannot write: Input/output error"
        assert found["told"] == told, "every rank hears of what one suffered"
        assert found["without verification"] == 3, "the damage is one that only checksums find"
        assert found["fell back to"] == 2
        assert found["its own numbers"], "and nothing of step 3"
        assert found["events"] == (["quarantined", "restored"] if rank == 0 else ["restored"])
    # What two ranks wrote is whole in one process without a process group.
    weights = load_weights(uri)
    assert {name: value.flatten().tolist() for name, value in weights.items()} == answers[0]["content"]
    if strategy == "zero3":
        assert answers[0]["by another strategy"]
        assert ranks(1, alone, uri) == [(2, answers[0]["content"])]
