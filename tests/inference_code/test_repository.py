"""Repositories of artifacts in parts, without a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from inference_code.repository import build
from ml_contract.ensemble import Step
from ml_contract.errors import ContractError
from ml_contract.manifest import ArtifactManifest
from ml_contract.packaging import Int8, PackageOptions, PartOptions
from ml_contract.samples import graph_file
from ml_contract.signature import DType, ModelSignature, Tensor

from .graphs import SIGNATURE, write_graph

LOGITS = Tensor(name="second", dtype=DType.FP32, shape=SIGNATURE.outputs[0].shape)
BOTH = ModelSignature(inputs=SIGNATURE.inputs, outputs=(*SIGNATURE.outputs, LOGITS), max_batch_size=16)
PARTS = (
    Step(model="one", signature=SIGNATURE), Step(model="two", signature=SIGNATURE, outputs={"logits": "second"})
)  # fmt: skip
PLAIN = PackageOptions(backend="python")


def artifact(folder: Path, *, parts: tuple[Step, ...] = PARTS, workload: str = "both") -> Path:
    for seed, part in enumerate(parts):
        write_graph(folder / graph_file(part.model), seed=seed)
    ArtifactManifest.describe(
        folder, workload=workload, signature=BOTH, metrics={}, provenance={}, parts=parts
    ).write(folder)  # fmt: skip
    return folder


def test_each_part_has_its_own_graph_and_options(tmp_path: Path) -> None:
    options = replace(PLAIN, parts=(PartOptions(name="two", options=replace(PLAIN, version=7, batching=None)),))
    build(artifact(tmp_path / "artifact"), tmp_path / "built", options)
    files = {path.relative_to(tmp_path / "built").as_posix() for path in (tmp_path / "built").rglob("*.*")}
    assert files == {
        "both/config.pbtxt", "manifest.json", "one/1/model.onnx", "one/1/model.py", "one/config.pbtxt",
        "two/7/model.onnx", "two/7/model.py", "two/config.pbtxt",
    }  # fmt: skip
    assert (tmp_path / "built/both/1").is_dir()
    for part, version in (("one", 1), ("two", 7)):
        graph = (tmp_path / "built" / part / str(version) / "model.onnx").read_bytes()
        assert graph == (tmp_path / "artifact" / f"{part}.onnx").read_bytes()
    assert "dynamic_batching" in (tmp_path / "built/one/config.pbtxt").read_text()
    assert "dynamic_batching" not in (tmp_path / "built/two/config.pbtxt").read_text()


@pytest.mark.parametrize(
    ("made", "options", "field"),
    [
        ({"workload": "one"}, PLAIN, "parts"),
        ({}, replace(PLAIN, parts=(PartOptions(name="three", options=PLAIN),)), "parts.name"),
        ({}, replace(PLAIN, parts=(PartOptions(name="two", options=replace(PLAIN, max_batch_size=4)),)),
         "two.max_batch_size"),
        ({}, replace(PLAIN, quantization=Int8()), "quantization"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_parts(tmp_path: Path, made: dict[str, str], options: PackageOptions, field: str) -> None:
    with pytest.raises(ContractError) as raised:
        build(artifact(tmp_path / "artifact", **made), tmp_path / "built", options)
    assert raised.value.field == field


def test_a_part_whose_graph_is_missing(tmp_path: Path) -> None:
    artifact(tmp_path / "artifact")
    (tmp_path / "artifact/two.onnx").unlink()
    old = ArtifactManifest.read(tmp_path / "artifact")
    ArtifactManifest.describe(
        tmp_path / "artifact", workload="both", signature=BOTH, metrics={}, provenance={}, parts=old.parts
    ).write(tmp_path / "artifact")  # fmt: skip
    with pytest.raises(ContractError, match=r"^two\.onnx: got .*the manifest must name the exported graph"):
        build(tmp_path / "artifact", tmp_path / "built", PLAIN)
