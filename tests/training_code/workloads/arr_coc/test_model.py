"""The model is as large as its options say, sees what it should, and comes back from its artifact."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import default_collate

from ml_contract.errors import ContractError
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.workloads.arr_coc import ARR_COC_2B, ARR_COC_TINY, EvaluateOptions
from training_code.data.source import Folder
from training_code.data.tar_index import adopt
from training_code.export import describe
from training_code.parallel.weights import initialize
from training_code.workloads.arr_coc import patches
from training_code.workloads.arr_coc.evaluate import evaluate
from training_code.workloads.arr_coc.export import STAGES, signatures
from training_code.workloads.arr_coc.model import ArrCocModel
from training_code.workloads.arr_coc.pretrained import theirs
from training_code.workloads.arr_coc.workload import ArrCocWorkload

pytestmark = pytest.mark.slow  # transformers takes seconds to import

WORKLOAD = ArrCocWorkload(ARR_COC_TINY)


@pytest.fixture(scope="module")
def model() -> ArrCocModel:
    with torch.device("meta"):
        built = WORKLOAD.build()
    built.to_empty(device="cpu")
    initialize(built, WORKLOAD, 0)
    return built.eval()


@pytest.fixture(scope="module")
def batch(photographs: Path) -> dict[str, Tensor]:
    samples = WORKLOAD.open(Folder(photographs / "train"), verify=True)
    return default_collate([samples[index] for index in range(4)])


@pytest.mark.parametrize("options", [ARR_COC_TINY, ARR_COC_2B, replace(
    ARR_COC_TINY, language=replace(ARR_COC_TINY.language, tied=False)
)], ids=["tiny", "2b", "untied"])  # fmt: skip
def test_size_is_the_built_models(options: object) -> None:
    with torch.device("meta"):
        built = ArrCocModel(options)
    assert sum(parameter.numel() for parameter in built.parameters()) == options.size.parameters
    heads = sum(parameter.numel() for head in built.heads for parameter in head.parameters())
    assert heads == options.head_parameters


def test_buffers_that_the_meta_device_lost_are_written_again(model: ArrCocModel) -> None:
    direct = dict(ArrCocModel(ARR_COC_TINY).named_buffers())
    assert direct
    for name, buffer in model.named_buffers():
        assert torch.equal(buffer, direct[name]), name


def test_a_sample_alone_gets_the_scores_that_it_gets_in_a_batch(model: ArrCocModel, batch: dict[str, Tensor]) -> None:
    arguments, _ = WORKLOAD.split(batch)
    with torch.no_grad():
        together = model(*arguments)
        alone = model(*(argument[2:3] for argument in arguments))
    assert torch.equal(together.budgets[2:3], alone.budgets)
    assert torch.allclose(together.logits[2:3], alone.logits, atol=1e-4)


def test_no_score_depends_on_what_it_predicts_or_what_follows(model: ArrCocModel, batch: dict[str, Tensor]) -> None:
    canvas, text, question = WORKLOAD.split(batch)[0]
    start = int(question.max())
    other = text.clone()
    other[:, start:] = 65
    with torch.no_grad():
        first, second = model(canvas, text, question), model(canvas, other, question)
    assert torch.allclose(first.logits[:, : start + 1], second.logits[:, : start + 1], atol=1e-5)
    assert not torch.allclose(first.logits[:, start + 1 :], second.logits[:, start + 1 :], atol=1e-3)


def test_rows_of_a_crop_are_the_vision_patches_of_its_tokens() -> None:
    crop = torch.arange(3 * 64 * 64, dtype=torch.float32).view(1, 3, 64, 64)
    rows = patches.cut(crop, 2)[0].view(2, 2, 2, 2, 3, 2, 16, 16)
    for y, x, my, mx in ((0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 1, 0)):
        top, left = 32 * y + 16 * my, 32 * x + 16 * mx
        for frame in range(2):
            found = rows[y, x, my, mx, :, frame]
            assert torch.equal(found, crop[0, :, top : top + 16, left : left + 16])


def test_the_base_starts_from_published_weights_and_the_heads_do_not(
    model: ArrCocModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = tmp_path / "input" / "data" / "base"
    channel.mkdir(parents=True)
    published = {theirs(n): p.detach() + 1 for n, p in model.named_parameters() if theirs(n) is not None}
    save_file(published, channel / "model.safetensors")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    workload = ArrCocWorkload(replace(ARR_COC_TINY, pretrained="base"))
    for name, parameter in model.named_parameters():
        expected = parameter + (theirs(name) is not None)
        assert torch.equal(workload.initial(name, parameter.shape, 0), expected), name
    with pytest.raises(ContractError, match="must hold every parameter of the base"):
        workload.pretrained.read("model.other", torch.Size([1]))


def test_a_truncated_image_is_named_with_the_way_out(tmp_path: Path, photographs: Path) -> None:
    with tarfile.open(photographs / "train" / "shard-00000.tar") as archive:
        member = archive.extractfile("train/000000.png")
        assert member is not None
        png = member.read()
    with tarfile.open(tmp_path / "shard-00000.tar", "w") as archive:
        for extension, content in (
            ("png", png[:-200]),
            ("json", json.dumps({"question": "?", "answer": "a"}).encode()),
        ):
            info = tarfile.TarInfo(f"a.{extension}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    adopt(tmp_path, {"name": "test"})
    with pytest.raises(ContractError, match=r"shard-00000\.tar: member a\.png: .*no whole image.*Replace the image"):
        WORKLOAD.open(Folder(tmp_path), verify=True)[0]


def test_the_artifact_answers_as_the_model_did(model: ArrCocModel, tmp_path: Path, photographs: Path) -> None:
    run = TrainingRun(workload=ARR_COC_TINY, optimizer=AdamW(learning_rate=1e-3), global_batch_size=2, steps=3)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    manifest = WORKLOAD.export(tmp_path, describe(run, weights, steps=3, figures={"loss": 1.0}))
    assert list(manifest.provenance["stages"]) == list(STAGES)
    found = evaluate(EvaluateOptions(batch_size=8), tmp_path, photographs / "heldout")
    samples = WORKLOAD.open(Folder(photographs / "heldout"), verify=True)
    content = default_collate([samples[index] for index in range(len(samples))])
    arguments, targets = WORKLOAD.split(content)
    with torch.no_grad():
        loss = float(WORKLOAD.loss(model(*arguments), targets))
    assert found["loss"] == pytest.approx(loss, abs=1e-4)
    assert 0.25 <= found["majority_accuracy"] <= 1
    assert not found["beats_majority"]  # it has learned nothing
    assert found["heldout_samples"] == 16
    assert "answered" not in found


def test_what_a_stage_takes_an_earlier_one_gives() -> None:
    described = signatures(ARR_COC_TINY)
    known = {tensor.name: tensor for tensor in described["arr_coc"].inputs}
    for stage in STAGES:
        assert all(known.get(tensor.name) == tensor for tensor in described[stage].inputs), stage
        known |= {tensor.name: tensor for tensor in described[stage].outputs}
    assert all(known[tensor.name] == tensor for tensor in described["arr_coc"].outputs)
