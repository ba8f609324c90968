"""The manager as the training loop sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checkpoint_harness import RUN, TinyRun, committed, manager, restored
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.state_dict_loader import load

from ml_contract.checkpoint.catalog import attempts, commit_of
from training_code.checkpoint import (
    CheckpointManager,
    ModelState,
    pieces,
)
from training_code.checkpoint.file_storage import FileStorage


def test_nothing_there_is_none(uri: str) -> None:
    assert restored(uri)[0] == 0


@pytest.mark.parametrize("mode", ["async", "sync"])
def test_the_newest_commit_comes_back_bit_for_bit(uri: str, mode: str) -> None:
    contents = committed(uri, 2, 4, mode=mode)
    assert restored(uri) == (4, contents[4])


def test_files_of_many_blocks_and_spans(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards reads across the ends of what one request fetched: torch takes a short read for damage."""
    monkeypatch.setattr(pieces, "SPAN_BYTES", 300)
    contents = committed(uri, 2, block_bytes=100)
    assert restored(uri) == (2, contents[2])


def test_a_resumed_run_goes_on_as_if_nothing_had_happened(uri: str) -> None:
    """Guards the completeness of the state: weights, moments, schedule, and every generator."""
    whole = TinyRun()
    expected = [whole.step() for _ in range(6)]
    committed(uri, 3)
    run = TinyRun()
    with manager(uri) as checkpoints:
        checkpoints.restore(run.state)
        assert [*run.progress.losses, *(run.step() for _ in range(3))] == expected


def test_commit_tells_figures_and_hyperparameters(uri: str) -> None:
    """Guards what an export and an operator read; a loss that is no number has no place in JSON."""
    run = TinyRun()
    told = CheckpointManager(uri, run=RUN, hyperparameters={"steps": "3"})
    told.save(1, run.state, figures={"loss": 0.25, "other": float("nan")})
    told.close()
    storage = FileStorage(uri[7:])
    commit = commit_of(storage, attempts(storage)[0])
    assert (commit.figures, commit.hyperparameters) == ({"loss": 0.25}, {"steps": "3"})


def test_a_stock_reader_can_read_a_checkpoint(uri: str) -> None:
    """The format stays torch's own: its reader, which knows nothing of ours, loads the same weights."""
    contents = committed(uri, 2)
    run = TinyRun()
    shards = {"model": ModelState(run.model).state_dict()}
    load(shards, storage_reader=FileSystemReader(f"{uri[7:]}/{attempts(FileStorage(uri[7:]))[0].prefix}"), no_dist=True)
    assert run.content() == contents[2]


def test_nothing_partial_is_left(uri: str) -> None:
    committed(uri, 1, 2)
    assert not [path for path in Path(uri[7:]).rglob("*") if path.name.startswith(".partial")]


def test_the_optimizer_must_be_wrapped(uri: str) -> None:
    run = TinyRun()
    with manager(uri) as checkpoints, pytest.raises(ValueError, match=r"OptimizerState\(model, optimizer\)"):
        checkpoints.save(1, {"optimizer": run.optimizer})


def test_modules_may_be_given_as_they_are(uri: str) -> None:
    model = torch.nn.Linear(2, 2)
    with manager(uri) as checkpoints:
        checkpoints.save(1, {"model": model})
        checkpoints.wait()
        other = torch.nn.Linear(2, 2)
        checkpoints.restore({"model": other})
    assert torch.equal(model.weight, other.weight)
