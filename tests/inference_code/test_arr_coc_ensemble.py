"""arr-coc from its artifact to a real server: four models that hand typed tensors on answer as the trained one does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from torch import Tensor
from tritonclient.grpc import model_config_pb2

from inference_code.package import main
from ml_contract.archive import pack, unpack
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.options import to_variables
from ml_contract.packaging import Int8, PackageOptions, PartOptions
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.arr_coc import ARR_COC_TINY
from training_code.export import describe
from training_code.parallel.weights import initialize
from training_code.workloads.arr_coc.export import STAGES
from training_code.workloads.arr_coc.graphs import request as sample
from training_code.workloads.arr_coc.model import ArrCocModel
from training_code.workloads.arr_coc.workload import ArrCocWorkload
from training_code.workloads.portable import TOLERANCE

from .examples import FOLDER
from .served import Server, serving

pytestmark = pytest.mark.slow  # four graphs are exported, once

EXAMPLE = FOLDER / "arr_coc"
OPTIONS = replace(
    ARR_COC_TINY,
    graph=True,
    language=replace(ARR_COC_TINY.language, layers=1),
    vision=replace(ARR_COC_TINY.vision, layers=1),
)
"""One layer each: an export takes seconds for every layer."""
WORKLOAD = ArrCocWorkload(OPTIONS)
PACKAGING = PackageOptions(
    backend="python",
    max_batch_size=4,
    parts=(PartOptions(name="opponent_processor", options=PackageOptions(backend="python", version=2)),),
)


@pytest.fixture(scope="module")
def model() -> ArrCocModel:
    """A model none of whose parts is at zero, where learning starts."""
    with torch.device("meta"):
        built = WORKLOAD.build()
    built.to_empty(device="cpu")
    initialize(built, WORKLOAD, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return built.eval()


@pytest.fixture(scope="module")
def artifact(model: ArrCocModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    run = TrainingRun(workload=OPTIONS, optimizer=AdamW(learning_rate=1e-3), global_batch_size=2, steps=3)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    WORKLOAD.export(folder, describe(run, weights, steps=3, figures={"loss": 1.0}))
    return folder


def packaged(artifact: Path, folder: Path, options: PackageOptions) -> tuple[int, Path]:
    """What the Package step's container ends with, and the repository that it wrote."""
    pack(artifact, folder / "ml/processing/input/model/model.tar.gz")
    code = main({"SAGEMAKER_BASE_DIR": str(folder / "ml"), **to_variables(options)})
    if code == ExitCode.SUCCESS:
        unpack(folder / "ml/processing/output/repository/model.tar.gz", folder / "repository")
    return code, folder / "repository"


@pytest.fixture(scope="module")
def repository(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    code, repository = packaged(artifact, tmp_path_factory.mktemp("package"), PACKAGING)
    assert code == ExitCode.SUCCESS
    return repository


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(repository, tmp_path_factory.mktemp("server")) as found:
        found.load("arr_coc")
        yield found


def asked(model: ArrCocModel, request: dict[str, Tensor]) -> dict[str, Tensor]:
    """What training's own forward gives."""
    with torch.no_grad():
        found = model(request["image"], request["text"], request["question_length"][:, 0])
    return found._asdict()


@pytest.mark.parametrize("size", [1, 3, 4])
def test_the_served_ensemble_answers_as_the_trained_model(server: Server, model: ArrCocModel, size: int) -> None:
    request = sample(size, OPTIONS)
    expected = asked(model, request)
    found = server.ask("arr_coc", {name: value.numpy() for name, value in request.items()})
    assert set(found) == {"logits", "relevance", "budgets"}
    np.testing.assert_array_equal(found["budgets"], expected["budgets"])
    np.testing.assert_allclose(found["relevance"], expected["relevance"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found["logits"], expected["logits"], rtol=0, atol=TOLERANCE)


def test_the_repository_has_each_stage_and_what_goes_from_one_to_the_next(repository: Path) -> None:
    manifest = ArtifactManifest.read(repository)
    manifest.verify(repository)
    assert [part.model for part in manifest.parts] == list(STAGES)
    versions = dict.fromkeys(STAGES, "1") | {"opponent_processor": "2"}
    for stage, version in versions.items():
        files = {path.name for path in (repository / stage / version).iterdir() if path.is_file()}
        assert files == {"model.onnx", "model.py"}
    config = text_format.Parse((repository / "arr_coc/config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert config.platform == "ensemble"
    assert config.max_batch_size == 4
    steps = {step.model_name: step for step in config.ensemble_scheduling.step}
    assert [*steps] == list(STAGES)
    assert steps["opponent_processor"].model_version == 2
    assert dict(steps["relevance_scorers"].input_map) == {
        name: name for name in ("texture", "text", "question_length")
    }  # fmt: skip


def test_the_committed_example_is_what_the_package_step_writes(repository: Path) -> None:
    """To write it again: copy the repository's configurations there."""
    written = {path.relative_to(repository): path.read_text() for path in repository.rglob("*.pbtxt")}
    committed = {path.relative_to(EXAMPLE): path.read_text() for path in EXAMPLE.rglob("*.pbtxt")}
    assert committed == written


def test_a_loose_end_in_the_manifest_is_one_line(artifact: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(artifact, tmp_path / "artifact", copy_function=os.link)
    manifest = json.loads((changed / "manifest.json").read_text())
    del manifest["parts"][1]
    (changed / "manifest.json").unlink()
    (changed / "manifest.json").write_text(json.dumps(manifest))
    code, _ = packaged(changed, tmp_path, PACKAGING)
    assert code == ExitCode.CONTRACT_BROKEN
    message = (tmp_path / "ml/output/message").read_text()
    assert message.startswith("opponent_processor.scores: got 'scores', but nothing gives this tensor.")


def test_a_stage_with_eight_bit_weights_is_measured(artifact: Path, tmp_path: Path) -> None:
    options = replace(PACKAGING, parts=(
        PartOptions(name="language_model", options=PackageOptions(backend="python", quantization=Int8())),
    ))  # fmt: skip
    code, repository = packaged(artifact, tmp_path, options)
    assert code == ExitCode.SUCCESS
    ((name, figures),) = ArtifactManifest.read(repository).packaging["quantization"].items()
    assert name == "language_model"
    assert 0.99 < figures["cosine"] < 1
    assert figures["int8_bytes"] < figures["bytes"]
