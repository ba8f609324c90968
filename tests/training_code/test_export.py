"""The artifact of a checkpoint, in one process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from training_harness import tiny_run

from ml_contract.hyperparameters import encode
from ml_contract.training.run import TrainingRun
from training_code import export, workloads
from training_code.checkpoint import CheckpointManager, CheckpointOptions, ModelState, RunIdentity
from training_code.workloads.base import Trained
from training_code.workloads.bytes_lm import workload as bytes_lm


def save(
    folder: Path, options: TrainingRun, model: torch.nn.Module, *, hyperparameters: Mapping[str, str] | None = None
) -> None:
    """One commit of a run, of step 7."""
    told = encode(options) if hyperparameters is None else hyperparameters
    with CheckpointManager(
        f"file://{folder}", options=CheckpointOptions(), run=RunIdentity.of("bytes_lm", {}), hyperparameters=told
    ) as checkpoints:
        checkpoints.save(7, {"model": ModelState(model)}, figures={"loss": 1.25})


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> list[Trained]:
    """What a workload's export was given: writing an artifact has tests of its own."""
    given: list[Trained] = []

    def write(self: Any, folder: Path, trained: Trained) -> Any:
        given.append(trained)
        return SimpleNamespace(workload="bytes_lm", provenance=trained.provenance)

    monkeypatch.setattr(bytes_lm.BytesLmWorkload, "export", write)
    return given


def test_a_checkpoint_becomes_what_the_run_would_have_exported(
    tmp_path: Path, exported: list[Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny_run()
    model = workloads.load(run.workload).build()
    save(tmp_path, run, model)
    assert export.main(["--checkpoint", f"file://{tmp_path}", "--out", str(tmp_path / "out")]) == 0
    (trained,) = exported
    assert (trained.run, trained.steps, trained.figures) == (run, 7, {"loss": 1.25})
    assert trained.provenance["checkpoint"].startswith(f"file://{tmp_path}/step-00000007/")
    assert trained.weights.keys() == model.state_dict().keys()
    assert all(torch.equal(trained.weights[name], value) for name, value in model.state_dict().items())
    assert f"{tmp_path / 'out'} holds bytes_lm of step 7" in capsys.readouterr().out


def test_a_model_of_another_shape_is_one_line(
    tmp_path: Path, exported: list[Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards the artifact: the weights are those of the model that the hyperparameters describe."""
    save(tmp_path, tiny_run(), torch.nn.Linear(2, 2))
    assert export.main(["--checkpoint", f"file://{tmp_path}", "--out", str(tmp_path / "out")]) == 1
    assert exported == []
    (line,) = capsys.readouterr().err.splitlines()
    assert "but the model bytes_lm has" in line


@pytest.mark.parametrize(
    ("more", "told"),
    [(["--step", "8"], "has no sound checkpoint of step 8; steps with a commit: 7"), ([], "tells no hyperparameters")],
)
def test_what_cannot_be_exported_is_one_line(
    tmp_path: Path, exported: list[Trained], capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    run = tiny_run()
    save(tmp_path, run, workloads.load(run.workload).build(), hyperparameters={})
    assert export.main(["--checkpoint", f"file://{tmp_path}", "--out", str(tmp_path / "out"), *more]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
