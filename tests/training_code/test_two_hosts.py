"""The whole way of a training job on two hosts, as the platform starts and stops it: launcher, torchrun, trainers."""

import shutil
from pathlib import Path

import pytest
from training_harness import figures, losses, tiny_run
from training_processes import start_hosts

from ml_contract import metrics
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # two cold starts of two hosts


def test_a_reclaimed_job_resumes_on_new_hosts_and_leaves_an_artifact(tmp_path: Path, shards: Path) -> None:
    options = tiny_run(steps=20, checkpoint_steps=100, checkpoint_uri=f"file://{tmp_path}/run")
    first = start_hosts(tmp_path / "first", options, shards, held=9)
    first.wait_for_step(9)
    first.terminate()
    assert first.codes() == [ExitCode.INTERRUPTED] * 2, first.log()
    last = losses(first.log())[-1][0]
    assert last == 10
    assert figures(first.log(), metrics.CHECKPOINT_STEP)[-1] == last
    assert not any(paths.failure.exists() for paths in first.paths)
    assert "Traceback" not in first.log() + first.log(1)
    # Lines of metrics come from one host only.
    assert losses(first.log(1)) == []

    shutil.rmtree(tmp_path / "first")
    second = start_hosts(tmp_path / "second", options, shards)
    assert second.codes() == [ExitCode.SUCCESS] * 2, second.log()
    found = losses(second.log())
    assert [step for step, _ in found] == list(range(last + 1, 21))
    model = second.paths[0].model
    manifest = ArtifactManifest.read(model)
    manifest.verify(model)
    assert manifest.metrics["loss"] == found[-1][1]
    assert not second.paths[1].model.exists()
