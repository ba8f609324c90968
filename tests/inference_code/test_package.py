"""The Package step, run as its container runs it."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference_code.package import main
from ml_contract.archive import pack, unpack
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.signature import DType, Tensor

from .graphs import SIGNATURE, describe


@pytest.fixture
def environment(tmp_path: Path, artifact: Path) -> dict[str, str]:
    """A processing container's environment, with the artifact as input."""
    base = tmp_path / "ml"
    pack(artifact, base / "processing" / "input" / "model" / "model.tar.gz")
    return {"SAGEMAKER_BASE_DIR": str(base), "TRAINYARD_OPTIONS": '{"backend": "python"}'}


def result(environment: dict[str, str]) -> Path:
    return Path(environment["SAGEMAKER_BASE_DIR"]) / "processing" / "output" / "repository" / "model.tar.gz"


def unpacked(environment: dict[str, str], folder: Path) -> Path:
    unpack(result(environment), folder)
    return folder


def test_repository(environment: dict[str, str], artifact: Path, tmp_path: Path) -> None:
    assert main(environment) == ExitCode.SUCCESS
    folder = unpacked(environment, tmp_path / "repository")
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "bytes_lm/1/model.onnx",
        "bytes_lm/1/model.py",
        "bytes_lm/config.pbtxt",
        "manifest.json",
    ]
    assert (folder / "bytes_lm/1/model.onnx").read_bytes() == (artifact / "model.onnx").read_bytes()
    manifest = ArtifactManifest.read(folder)
    manifest.verify(folder)
    assert manifest.provenance == ArtifactManifest.read(artifact).provenance
    assert manifest.packaging == {"options": {"backend": "python"}}


def test_weights_beside_the_graph_travel_with_it(artifact: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (artifact / "model.onnx.data").write_bytes(b"large")
    describe(artifact)
    pack(artifact, Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/model/model.tar.gz")
    environment["TRAINYARD_OPTIONS"] = '{"backend": "onnxruntime"}'
    assert main(environment) == ExitCode.SUCCESS
    version = unpacked(environment, tmp_path / "repository") / "bytes_lm" / "1"
    assert sorted(path.name for path in version.iterdir()) == ["model.onnx", "model.onnx.data"]


def test_equal_artifacts_give_equal_archives(environment: dict[str, str], artifact: Path) -> None:
    main(environment)
    first = result(environment).read_bytes()
    os.utime(artifact / "model.onnx", (1, 1))
    (artifact / "model.onnx").chmod(0o600)
    pack(artifact, Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/model/model.tar.gz")
    main(environment)
    assert result(environment).read_bytes() == first


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx"),
        (lambda folder: _flip(folder / "model.onnx"), "model.onnx"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"w"), "model.safetensors"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json"),
    ],
)
def test_a_damaged_artifact_is_one_clear_line(
    environment: dict[str, str],
    artifact: Path,
    damage: Callable[[Path], None],
    field: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(artifact)
    pack(artifact, Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/model/model.tar.gz")
    assert main(environment) == ExitCode.CONTRACT_BROKEN
    error = capsys.readouterr().err
    assert error.startswith(f"package: {field}: got ")
    assert error.count("\n") == 1
    message = Path(environment["SAGEMAKER_BASE_DIR"]) / "output" / "message"
    assert f"package: {message.read_text()}\n" == error
    assert not result(environment).exists()


def _remove(archive: Path) -> None:
    archive.unlink()


def _cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-40])


def _no_archive(archive: Path) -> None:
    archive.write_text("not a tar")


def _escape(archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))


def _link(archive: Path) -> None:
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("model.onnx")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)


@pytest.mark.parametrize("damage", [_remove, _cut, _no_archive, _escape, _link])
def test_a_damaged_archive_is_one_clear_line(
    environment: dict[str, str], damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    damage(Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/model/model.tar.gz")
    assert main(environment) == ExitCode.CONTRACT_BROKEN
    assert capsys.readouterr().err.startswith("package: model.tar.gz")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": (Tensor(name="pixels", dtype=DType.INT64, shape=(-1,)),)},
         r"model.onnx inputs: got ['tokens'], but the signature names pixels"),
        ({"inputs": (Tensor(name="tokens", dtype=DType.INT32, shape=(-1,)),)},
         "model.onnx inputs: tokens: got 'INT64', but the signature says INT32"),
        ({"inputs": (Tensor(name="tokens", dtype=DType.INT64, shape=(-1, 3)),)},
         "model.onnx inputs: tokens: got [-1, -1], but the signature says [-1, -1, 3]"),
        ({"outputs": (Tensor(name="logits", dtype=DType.FP32, shape=(-1, -1)),)},
         "model.onnx outputs: logits: got [-1, -1, 256], but the signature says [-1, -1, -1]"),
    ],
    ids=["name", "type", "rank", "size"],
)  # fmt: skip
def test_a_signature_of_another_graph(
    environment: dict[str, str], artifact: Path, changes: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(artifact, replace(SIGNATURE, **changes))
    pack(artifact, Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/model/model.tar.gz")
    assert main(environment) == ExitCode.CONTRACT_BROKEN
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"package: {words}")


def test_a_graph_that_is_none(environment: dict[str, str], artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (artifact / "model.onnx").write_bytes(b"no graph")
    describe(artifact)
    pack(artifact, Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/model/model.tar.gz")
    assert main(environment) == ExitCode.CONTRACT_BROKEN
    (line,) = capsys.readouterr().err.splitlines()
    assert "it must be an ONNX graph" in line


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ("{}", "backend"),
        ('{"backend": "openvino"}', "backend"),
        ('{"backend": "tensorrt"}', "engine"),
        ('{"backend": "python", "batch": 3}', "batch"),
        ('{"backend": "python", "max_batch_size": 64}', "max_batch_size"),
        ('{"backend": "python", "instances": {"kind": "tpu"}}', "instances.kind"),
        ('{"backend": "python", "instances": {"kind": "gpu"}}', "instances"),
        ('{"backend": "python", "instances": {"kind": "cpu", "count": 0}}', "instances.count"),
        ('{"backend": "python", "batching": {"preferred_sizes": [4]}}', "batching.preferred_sizes"),
        ('{"backend": "python", "warmup": [{"random": ["pixels"]}]}', "warmup.random"),
        ('{"backend": "python", "parts": [{"name": "a", "options": {"backend": "python"}}]}', "parts"),
        ("[]", "TRAINYARD_OPTIONS"),
    ],
)
def test_wrong_options(
    environment: dict[str, str], options: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main({**environment, "TRAINYARD_OPTIONS": options}) == ExitCode.CONTRACT_BROKEN
    assert capsys.readouterr().err.startswith(f"package: {field}: got ")
