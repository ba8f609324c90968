"""Weights from a checkpoint in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from checkpoint_harness import Progress, TinyRun, committed, full, manager

from ml_contract.checkpoint.catalog import attempts
from training_code.checkpoint import (
    CheckpointError,
    CorruptCheckpointError,
    IncompatibleCheckpointError,
    RunIdentity,
    SavedModel,
    load_weights,
    open_model,
    weights,
)
from training_code.checkpoint.file_storage import FileStorage
from training_code.checkpoint.pieces import Content, Piece


def content(tensors: dict[str, torch.Tensor]) -> dict[str, list[float]]:
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()}


def test_weights_come_by_step_and_the_newest_without_one(uri: str) -> None:
    saved = committed(uri, 1, 2)
    assert content(load_weights(uri)) == saved[2]
    assert content(load_weights(uri, 1)) == saved[1]
    assert {name: tensor.shape for name, tensor in load_weights(uri).items()} == {
        name: tensor.shape for name, tensor in full(TinyRun().model).items()
    }


def test_memory_beside_the_weights_is_bounded(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards an export of a model that fills the machine: pieces are fetched, verified and used one after the other."""
    saved = committed(uri, 1, block_bytes=64)
    largest = 128 * 4
    monkeypatch.setattr(weights, "GROUP_BYTES", largest)
    fetch, held = SavedModel._fetch, []

    def noted(self: SavedModel, pieces: list[Piece]) -> Iterator[Content]:
        found = list(fetch(self, pieces))
        held.append(sum(len(piece) for piece in found))
        return iter(found)

    monkeypatch.setattr(SavedModel, "_fetch", noted)
    assert content(load_weights(uri)) == saved[1]
    assert len(held) > 1
    # What torch writes around each tensor comes on top.
    assert max(held) < largest + 2048 < sum(held)


def test_a_flipped_bit_is_refused(uri: str) -> None:
    """Guards the artifact: a damaged weight must not be registered and served."""
    committed(uri, 1)
    shard = next(Path(uri[7:]).rglob("*.distcp"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 3] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CorruptCheckpointError, match="distcp is damaged in block 0"):
        load_weights(uri)


def test_quarantined_and_unknown_steps_are_named(uri: str) -> None:
    saved = committed(uri, 1, 2)
    storage = FileStorage(uri[7:])
    storage.put(f"{attempts(storage)[0].prefix}/QUARANTINE.json", b"{}")
    assert content(load_weights(uri)) == saved[1]
    with pytest.raises(CheckpointError, match="has no sound checkpoint of step 2; steps with a commit: 1, 2"):
        load_weights(uri, 2)


def test_an_empty_place_is_one_error(uri: str) -> None:
    Path(uri[7:]).mkdir()
    with pytest.raises(CheckpointError, match="has no sound checkpoint of any step; steps with a commit: none"):
        load_weights(uri)


def test_of_several_runs_one_has_to_be_named(uri: str) -> None:
    saved = committed(uri, 1)
    run = TinyRun()
    run.step()
    with manager(uri, run=RunIdentity.of("another", {})) as checkpoints:
        checkpoints.save(7, run.state)
    with pytest.raises(CheckpointError, match=r"several runs \(another, run\): name one"):
        open_model(uri)
    assert open_model(uri, run="another").step == 7
    assert content(open_model(uri, run="run").weights()) == saved[1]


def test_a_checkpoint_without_a_model_is_one_error(uri: str) -> None:
    with manager(uri) as checkpoints:
        checkpoints.save(1, {"progress": Progress()})
    with pytest.raises(IncompatibleCheckpointError, match=r"holds \['progress'\], but no model"):
        load_weights(uri)
