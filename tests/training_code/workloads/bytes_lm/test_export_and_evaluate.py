"""The artifact computes what the model computes, and its figures are what an independent computation finds."""

import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from training_harness import ROOT, tiny_run, write_shards

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.workloads.bytes_lm import BytesLm, EvaluateOptions
from training_code.export import describe
from training_code.parallel.weights import initialize
from training_code.workloads import portable
from training_code.workloads.bytes_lm import baselines, export
from training_code.workloads.bytes_lm.evaluate import evaluate
from training_code.workloads.bytes_lm.graph import signature
from training_code.workloads.bytes_lm.model import ByteTransformer
from training_code.workloads.bytes_lm.workload import BytesLmWorkload
from training_code.workloads.graph import GRAPH, open_graph
from training_code.workloads.portable import GraphDiffers, Portable

pytestmark = pytest.mark.slow  # the export alone takes five seconds

OPTIONS = BytesLm(dimension=16, layers=2, heads=2, sequence_length=24)
WORKLOAD = BytesLmWorkload(OPTIONS)


@pytest.fixture(scope="module")
def model() -> ByteTransformer:
    built = ByteTransformer(OPTIONS)
    initialize(built, WORKLOAD, 1)
    return built.eval()


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, model: ByteTransformer) -> Path:
    """What a training job leaves in /opt/ml/model."""
    folder = tmp_path_factory.mktemp("artifact")
    WORKLOAD.export(folder, describe(tiny_run(workload=OPTIONS), model.state_dict(), steps=7, figures={"loss": 1.5}))
    return folder


@pytest.fixture(scope="module")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards(tmp_path_factory.mktemp("heldout"), 5000)


def test_the_artifact_is_described_and_verifies(artifact: Path, model: ByteTransformer) -> None:
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    assert set(manifest.files) == {"model.onnx", "model.safetensors", "samples.npz"}
    assert manifest.signature == signature()
    assert manifest.provenance["steps"] == 7
    assert manifest.provenance["hyperparameters"]["workload"]["dimension"] == 16
    assert manifest.metrics["loss"] == 1.5
    weights = load_file(artifact / "model.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())


@given(batch=st.integers(1, 20), length=st.integers(1, 90), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_the_graph_equals_the_model_for_any_batch_and_length(
    artifact: Path, model: ByteTransformer, batch: int, length: int, seed: int
) -> None:
    tokens = torch.randint(0, 256, (batch, length), generator=torch.Generator().manual_seed(seed))
    found = open_graph(artifact / "model.onnx").run(["logits"], {"tokens": tokens.numpy()})[0]
    assert found.dtype == np.float32
    with torch.no_grad():
        assert np.abs(found - model(tokens).numpy()).max() < 1e-4


def test_a_graph_of_another_model_does_not_count(artifact: Path, tmp_path: Path) -> None:
    other = ByteTransformer(OPTIONS)
    initialize(other, WORKLOAD, 2)
    with pytest.raises(GraphDiffers, match=r"model.onnx: for tokens of shape \(1, 1\)"):
        export.portable(OPTIONS).compare(other, artifact / "model.onnx")


def test_nothing_that_failed_its_check_is_left_to_be_served(
    tmp_path: Path, artifact: Path, model: ByteTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portable, "TOLERANCE", -1.0)
    monkeypatch.setattr(Portable, "export_graph", lambda self, model, path: shutil.copy(artifact / GRAPH, path))
    with pytest.raises(GraphDiffers):
        WORKLOAD.export(tmp_path, describe(tiny_run(workload=OPTIONS), model.state_dict(), steps=1, figures={}))
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors"}


def test_evaluation_scores_the_artifact_against_baselines_on_the_same_bytes(
    artifact: Path, heldout: Path, model: ByteTransformer
) -> None:
    found = evaluate(EvaluateOptions(maximum_bytes=4096), artifact, heldout)
    text = b"".join(path.read_bytes() for path in sorted(heldout.glob("*.bin")))[:4096]
    tokens = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    nats = 0.0
    for start in range(0, 4095, 24):
        window = tokens[start : start + 25][None]
        with torch.no_grad():
            logits = model(window[:, :-1])[0]
        nats += float(torch.nn.functional.cross_entropy(logits.double(), window[0, 1:], reduction="sum"))
    assert found["bits_per_byte"] == pytest.approx((8 + nats / math.log(2)) / 4096, rel=1e-6)
    assert found["order0_bits_per_byte"] == baselines.order0_bits_per_byte(text)
    assert found["xz_bits_per_byte"] == baselines.xz_bits_per_byte(text)
    assert found["heldout_bytes"] == 4096
    assert found["steps"] == 7
    assert found["beats_order0"] is False, "untrained"


def job(base: Path, options: str = "{}") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training_code.workloads.bytes_lm.evaluate"],
        cwd=ROOT, capture_output=True, text=True, timeout=240,
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), "TRAINYARD_OPTIONS": options}, check=False,
    )  # fmt: skip


@pytest.fixture
def base(tmp_path: Path, artifact: Path, heldout: Path) -> Path:
    """/opt/ml of a processing job that evaluates."""
    inputs = tmp_path / "processing" / "input"
    (inputs / "model").mkdir(parents=True)
    with tarfile.open(inputs / "model" / "model.tar.gz", "w:gz") as archive:
        for path in artifact.iterdir():
            archive.add(path, path.name)
    shutil.copytree(heldout, inputs / "heldout")
    return tmp_path


def test_as_a_job_it_writes_the_report(base: Path) -> None:
    finished = job(base, '{"maximum_bytes": 4096}')
    assert finished.returncode == 0, finished.stderr
    report = json.loads((base / "processing/output/evaluation/evaluation.json").read_text())
    assert {"bits_per_byte", "order0_bits_per_byte", "xz_bits_per_byte", "heldout_bytes", "beats_order0"} <= set(report)
    assert "bits per byte on 4096 held-out bytes" in finished.stdout


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_manifest(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        archive.add(__file__, "model.onnx")


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("model/model.tar.gz", Path.unlink, "model.tar.gz: got None, but the archive is missing"),
        ("model/model.tar.gz", cut, "model.tar.gz: got .*no complete tar"),
        ("model/model.tar.gz", lambda path: path.write_bytes(random.Random(0).randbytes(99)), "got .*no complete tar"),
        ("model/model.tar.gz", without_manifest, "manifest.json: got .FileNotFoundError"),
        ("heldout/shard-00000.bin", Path.unlink, "shard shard-00000.bin: got None"),
    ],
)  # fmt: skip
def test_a_missing_or_damaged_input_is_one_line(
    base: Path, name: str, damage: Callable[[Path], object], message: str
) -> None:
    damage(base / "processing" / "input" / name)
    finished = job(base)
    assert finished.returncode == ExitCode.CONTRACT_BROKEN, finished.stderr
    assert finished.stderr.count("\n") == 1
    assert re.search(message, finished.stderr)
    assert not (base / "processing/output/evaluation/evaluation.json").exists()


def test_a_damaged_graph_is_never_scored(tmp_path: Path, artifact: Path, heldout: Path) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "copy"))
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ContractError, match=r"model.onnx: got .*the content is damaged"):
        evaluate(EvaluateOptions(), folder, heldout)
