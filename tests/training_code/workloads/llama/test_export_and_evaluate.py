"""The artifact is what transformers loads, described; its figures are what an independent computation finds."""

import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_harness import ROOT

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.llama import LLAMA_TINY, EvaluateOptions
from training_code.data.source import Folder
from training_code.data.tokens import TokenShards, TokenWriter
from training_code.export import describe
from training_code.workloads.bytes_lm import baselines
from training_code.workloads.graph import open_graph
from training_code.workloads.llama.evaluate import evaluate, load
from training_code.workloads.llama.model import LlamaModel
from training_code.workloads.llama.workload import LlamaWorkload

from .initialized import built

OPTIONS = replace(LLAMA_TINY, hidden=32, intermediate=48, heads=4, sequence_length=24, export_dtype="float32")
RUN = TrainingRun(workload=OPTIONS, optimizer=AdamW(learning_rate=1e-3), global_batch_size=2, steps=7)


@pytest.fixture(scope="module")
def model() -> LlamaModel:
    return built(OPTIONS).eval()


@pytest.fixture(scope="module")
def heldout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heldout")
    writer = TokenWriter(folder, dtype="uint8", shard_tokens=4096)
    writer.write(list(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(300))[:5000]))
    writer.close({"name": "test"})
    return folder


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, model: LlamaModel, heldout: Path) -> Path:
    """What a training job leaves in /opt/ml/model."""
    folder = tmp_path_factory.mktemp("artifact")
    workload = LlamaWorkload(OPTIONS)
    workload.open(Folder(heldout), verify=True)
    workload.export(folder, describe(RUN, model.state_dict(), steps=7, figures={"loss": 1.5}))
    return folder


def test_the_artifact_is_described_and_verifies(artifact: Path) -> None:
    manifest = ArtifactManifest.read(artifact)
    manifest.verify(artifact)
    assert set(manifest.files) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert manifest.workload == "llama"
    assert [tensor.shape for tensor in manifest.signature.outputs] == [(-1, 256)]
    assert manifest.provenance["steps"] == 7
    assert manifest.metrics["loss"] == 1.5


def test_the_artifact_is_the_model(artifact: Path, model: LlamaModel) -> None:
    loaded = load(artifact, OPTIONS)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


def test_weights_alone_are_enough_to_export(tmp_path: Path, model: LlamaModel) -> None:
    trained = describe(RUN, model.state_dict(), steps=1, figures={})
    manifest = LlamaWorkload(OPTIONS).export(tmp_path / "new", trained)
    manifest.verify(tmp_path / "new")


@pytest.mark.slow
def test_the_graph_is_the_model_for_any_batch_and_length(tmp_path: Path) -> None:
    options = replace(OPTIONS, graph=True, kv_heads=2, tied=True, export_dtype="bfloat16")
    model = built(options).eval()
    manifest = LlamaWorkload(options).export(tmp_path, describe(RUN, model.state_dict(), steps=7, figures={}))
    manifest.verify(tmp_path)
    assert {"model.onnx", "samples.npz"} <= set(manifest.files)
    assert manifest.metrics["graph_difference"] < 1e-4
    tokens = torch.randint(0, 256, (5, 11))
    (found,) = open_graph(tmp_path / "model.onnx").run(["logits"], {"tokens": tokens.numpy()})
    with torch.no_grad():
        assert float((torch.from_numpy(found) - model(tokens)).abs().max()) < 1e-4


def test_a_graph_of_experts_is_refused() -> None:
    with pytest.raises(ContractError, match="graph: got True, but which experts run depends on the tokens"):
        replace(OPTIONS, graph=True, experts=4)


def test_the_tokenizer_goes_along(tmp_path: Path, model: LlamaModel, heldout: Path) -> None:
    split = shutil.copytree(heldout, tmp_path / "split")
    (split / "tokenizer.json").write_text('{"made": "elsewhere"}')
    content = json.loads((split / "manifest.json").read_text())
    (split / "manifest.json").write_text(json.dumps({**content, "source": {"vocabulary": 200, "end_token": 3}}))
    workload = LlamaWorkload(OPTIONS)
    workload.open(Folder(split), verify=False)
    workload.export(tmp_path / "artifact", describe(RUN, model.state_dict(), steps=1, figures={}))
    assert (tmp_path / "artifact/tokenizer.json").read_text() == '{"made": "elsewhere"}'
    assert json.loads((tmp_path / "artifact/config.json").read_text())["eos_token_id"] == 3


@pytest.mark.slow
def test_evaluation_counts_every_token_once(artifact: Path, heldout: Path, model: LlamaModel) -> None:
    found = evaluate(EvaluateOptions(maximum_tokens=1000), artifact, heldout)
    tokens = torch.from_numpy(TokenShards.open(heldout).read(0, 1000)).long()
    nats = 0.0
    for start in range(0, 999, 24):
        window = tokens[start : start + 25][None]
        with torch.no_grad():
            logits = model(window[:, :-1])[0].double()
        nats += float(torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum"))
    assert found["loss"] == pytest.approx(nats / 999, rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(nats / 999), rel=1e-4)
    assert found["bits_per_byte"] == pytest.approx((8 + nats / math.log(2)) / 1000, rel=1e-5)
    text = tokens.byte().numpy().tobytes()
    assert found["order0_bits_per_byte"] == baselines.order0_bits_per_byte(text)
    assert found["xz_bits_per_byte"] == baselines.xz_bits_per_byte(text)
    assert found["beats_order0"] is False, "untrained"


@pytest.mark.slow
def test_a_mixture_is_judged_by_cross_entropy_alone(tmp_path: Path, heldout: Path) -> None:
    options = replace(OPTIONS, experts=4)
    workload, untrained = LlamaWorkload(options), built(options)
    trained = describe(replace(RUN, workload=options), untrained.state_dict(), steps=7, figures={})
    workload.export(tmp_path / "artifact", trained)
    found = evaluate(EvaluateOptions(maximum_tokens=25), tmp_path / "artifact", heldout)
    tokens = torch.from_numpy(TokenShards.open(heldout).read(0, 25)).long()[None]
    with torch.no_grad():
        logits, _ = untrained(tokens[:, :-1])
    assert found["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(logits[0], tokens[0, 1:])), rel=1e-5)


def test_a_damaged_weight_is_never_scored(tmp_path: Path, artifact: Path, heldout: Path) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "copy"))
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ContractError, match=r"model.safetensors: got .*the content is damaged"):
        evaluate(EvaluateOptions(), folder, heldout)


def test_another_workloads_artifact_is_refused(tmp_path: Path, artifact: Path, heldout: Path) -> None:
    folder = Path(shutil.copytree(artifact, tmp_path / "copy"))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "workload": "bytes_lm"}))
    with pytest.raises(ContractError, match="workload: got 'bytes_lm', but this evaluates llama"):
        evaluate(EvaluateOptions(), folder, heldout)


@pytest.mark.slow
def test_as_a_job_it_writes_the_report_or_says_in_one_line_why_not(
    tmp_path: Path, artifact: Path, heldout: Path
) -> None:
    inputs = tmp_path / "processing" / "input"
    (inputs / "model").mkdir(parents=True)
    with tarfile.open(inputs / "model" / "model.tar.gz", "w:gz") as archive:
        for path in artifact.iterdir():
            archive.add(path, path.name)
    shutil.copytree(heldout, inputs / "heldout")

    def job() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "training_code.workloads.llama.evaluate"], cwd=ROOT, capture_output=True, text=True,
            timeout=240, check=False, env={
                **os.environ, "SAGEMAKER_BASE_DIR": str(tmp_path), "TRAINYARD_OPTIONS": '{"maximum_tokens": 500}'
            },
        )  # fmt: skip

    finished = job()
    assert finished.returncode == 0, finished.stderr
    report = json.loads((tmp_path / "processing/output/evaluation/evaluation.json").read_text())
    assert {"loss", "perplexity", "bits_per_byte", "order0_bits_per_byte", "xz_bits_per_byte"} <= set(report)
    assert "bits per byte on 500 held-out bytes" in finished.stdout
    (inputs / "heldout" / "shard-00000.bin").unlink()
    broken = job()
    assert broken.returncode == ExitCode.CONTRACT_BROKEN
    assert broken.stderr.count("\n") == 1
    assert broken.stderr.startswith("error: shard shard-00000.bin: got None")
