"""From scikit-learn's digits to a model that knows at least 97 % of those it has never seen."""

import contextlib
import io
import json
import math
import runpy
import shutil
import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from digits_targets import trained
from safetensors.torch import load_file
from training_harness import figures, losses
from training_processes import Processes
from training_ranks import start_ranks, together

from ml_contract import metrics
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp
from ml_contract.workloads.digits import Digits, EvaluateOptions, PrepareOptions
from training_code.workloads.digits.data import Images
from training_code.workloads.digits.evaluate import evaluate
from training_code.workloads.digits.prepare import prepare
from training_code.workloads.digits.workload import DigitsWorkload

pytestmark = pytest.mark.slow  # a training, and an export of seconds

RUN = TrainingRun(
    workload=Digits(), strategy=Ddp(), optimizer=AdamW(learning_rate=4e-3), schedule=Cosine(warmup_steps=8),
    global_batch_size=64, epochs=10,
)  # fmt: skip


def job(base: Path, name: str, options: str = "{}") -> str:
    """What a processing job logs that succeeds; in this process, which has scikit-learn and torch already."""
    log = io.StringIO()
    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(log), warnings.catch_warnings():
        patched.setenv("SAGEMAKER_BASE_DIR", str(base))
        patched.setenv("TRAINYARD_OPTIONS", options)
        warnings.filterwarnings("ignore", message=".* found in sys.modules after import of package")
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(f"training_code.workloads.digits.{name}", run_name="__main__")
    assert ended.value.code == ExitCode.SUCCESS
    return log.getvalue()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job that prepares leaves."""
    base = tmp_path_factory.mktemp("prepare")
    assert job(base, "prepare") == "prepare: train: 1347 images\nprepare: heldout: 450 images\n"
    return base / "processing" / "output" / "dataset"


@pytest.fixture(scope="module")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Processes:
    """A training by two ranks."""
    started = start_ranks(tmp_path_factory.mktemp("train"), RUN, dataset / "train")
    assert started.codes(180) == [ExitCode.SUCCESS] * 2, started.log()
    return started


@pytest.fixture(scope="module")
def artifact(run: Processes) -> Path:
    return run.paths[0].model


@pytest.fixture(scope="module")
def report(artifact: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the job that evaluates leaves."""
    base = tmp_path_factory.mktemp("evaluate")
    inputs = base / "processing" / "input"
    (inputs / "model").mkdir(parents=True)
    with tarfile.open(inputs / "model" / "model.tar.gz", "w:gz") as archive:
        for path in artifact.iterdir():
            archive.add(path, path.name)
    shutil.copytree(dataset / "heldout", inputs / "heldout")
    log = job(base, "evaluate", '{"batch_size": 100}')
    assert "of 450 held-out images recognised; logistic regression: 96.0%" in log
    found: dict[str, Any] = json.loads((base / "processing/output/evaluation/evaluation.json").read_text())
    return found


def test_97_percent_of_images_that_it_never_saw(report: dict[str, Any]) -> None:
    assert report["accuracy"] >= 0.97
    assert report["beats_logistic_regression"] is True
    assert report["heldout_images"] == 450
    assert report["steps"] == -(-10 * 1347 // 64)


def test_the_figures_are_what_weights_and_scikit_learn_give(
    report: dict[str, Any], artifact: Path, dataset: Path
) -> None:
    from sklearn.linear_model import LogisticRegression

    train, heldout = (Images(dataset / split) for split in ("train", "heldout"))
    model = DigitsWorkload(RUN.workload).build()
    model.load_state_dict(load_file(artifact / "model.safetensors"))
    labels = torch.from_numpy(heldout.labels).long()
    with torch.no_grad():
        logits = model(torch.from_numpy(heldout.pixels))
    right = logits.argmax(1) == labels
    assert report["accuracy"] == pytest.approx(float(right.float().mean()), abs=1e-6)
    assert report["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-3)
    assert report["accuracy_by_digit"]["8"] == pytest.approx(float(right[labels == 8].float().mean()), abs=1e-6)
    linear = LogisticRegression(max_iter=1000).fit(train.records[:, :64] / 16, train.labels)
    assert report["logistic_regression_accuracy"] == linear.score(heldout.records[:, :64] / 16, heldout.labels)
    assert report["majority_accuracy"] == max(np.bincount(heldout.labels)) / 450
    headline = RUN.workload.headline
    assert {headline.figure, *headline.baselines} <= set(report), "what criteria and reports name"


def test_the_log_tells_loss_and_accuracy_of_every_step(run: Processes) -> None:
    found, accuracies = losses(run.log()), figures(run.log(), metrics.ACCURACY)
    assert found[0][1] == pytest.approx(math.log(10), abs=0.1)
    assert len(found) == len(accuracies)
    assert np.mean(accuracies[:5]) < 0.6
    assert np.mean(accuracies[-5:]) > 0.99


def test_the_artifact_serves_what_its_signature_says(artifact: Path, dataset: Path) -> None:
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    assert manifest.workload == "digits"
    assert set(manifest.files) == {"model.onnx", "model.safetensors", "samples.npz"}
    assert manifest.metrics["graph_difference"] < 1e-3
    (taken,), (given,) = manifest.signature.inputs, manifest.signature.outputs
    heldout = Images(dataset / "heldout")
    session = onnxruntime.InferenceSession(artifact / "model.onnx", providers=["CPUExecutionProvider"])
    pixels = heldout.pixels.astype(taken.dtype.name.lower())
    assert pixels.shape[1:] == taken.shape
    (logits,) = session.run([given.name], {taken.name: pixels})
    assert logits.shape[1:] == given.shape
    assert (logits.argmax(1) == heldout.labels).mean() >= 0.97


def test_the_splits_are_all_of_scikit_learns_digits_and_share_none(dataset: Path) -> None:
    from sklearn.datasets import load_digits

    train, heldout = (Images(dataset / split) for split in ("train", "heldout"))
    pixels, labels = load_digits(return_X_y=True)
    published = sorted((*image, label) for image, label in zip(pixels.tolist(), labels.tolist(), strict=True))
    assert sorted(map(tuple, np.concatenate([train.records, heldout.records]).tolist())) == published
    assert not set(map(tuple, train.records.tolist())) & set(map(tuple, heldout.records.tolist()))
    found = json.loads((dataset / "manifest.json").read_text())
    assert found["splits"]["heldout"]["digits"] == np.bincount(heldout.labels).tolist()
    assert [file for file in found["files"] if file.startswith("train/")] == [
        f"train/{shard.name}" for shard in train.shards.shards
    ]


def test_preparing_again_gives_the_same_bytes(dataset: Path, tmp_path: Path) -> None:
    prepare(PrepareOptions(), tmp_path)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert written == {path.relative_to(dataset): path.read_bytes() for path in dataset.rglob("*.*")}


def test_shards_learn_the_same_as_copies(dataset: Path, tmp_path: Path) -> None:
    base: dict[str, Any] = {"workload": Digits(), "optimizer": AdamW(learning_rate=4e-3), "global_batch_size": 16,
                            "steps": 4}  # fmt: skip
    runs = [
        TrainingRun(**base, strategy=Ddp()),
        TrainingRun(**base, strategy=Fsdp(), activation_checkpointing="full"),
    ]
    copies, shards = together(tmp_path, trained, runs, str(dataset / "train"))[0]
    assert shards == pytest.approx(copies, abs=1e-4)
    assert copies[-1] < copies[0] - 0.05


def test_a_split_that_tells_no_baseline_is_not_scored(artifact: Path, dataset: Path) -> None:
    message = r"manifest.json: got None, but its source tells the logistic_regression_accuracy"
    with pytest.raises(ContractError, match=message):
        evaluate(EvaluateOptions(), artifact, dataset / "train")


def test_another_workloads_artifact_is_refused(artifact: Path, dataset: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "copy"))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "workload": "bytes_lm"}))
    with pytest.raises(ContractError, match="workload: got 'bytes_lm', but this evaluates digits"):
        evaluate(EvaluateOptions(), folder, dataset / "heldout")


def test_a_truncated_record_is_the_reason(dataset: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(dataset / "train", tmp_path / "data"))
    last = data / "shard-00002.bin"
    last.write_bytes(last.read_bytes()[:-1])
    started = start_ranks(tmp_path / "host", RUN, data)
    assert started.codes() == [ExitCode.CONTRACT_BROKEN] * 2, started.log()
    assert started.paths[0].failure.read_text().startswith("shard shard-00002.bin: got '20994 bytes'")
