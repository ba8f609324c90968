"""The engine step, run as its container runs it, with programs that stand in for trtexec and nvidia-smi.

Nothing here was built by TensorRT, and nothing ran on a GPU.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from inference_code import package
from inference_code.engine import main
from ml_contract.archive import unpack
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.manifest import ArtifactManifest
from ml_contract.options import to_variables
from ml_contract.packaging import GpuInstances, Lengths, PackageOptions, TensorRtEngine
from ml_contract.packaging.engine import check_served

from .graphs import write_artifact

ROOT = Path(__file__).parents[2]
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-tritonserver:26.05-py3"
ENGINE = TensorRtEngine(
    instance_type="ml.g5.xlarge", typical_batch=8, lengths=Lengths(typical=64, longest=512), workspace_mib=2048
)  # fmt: skip
OPTIONS = PackageOptions(backend="tensorrt", instances=GpuInstances(), engine=ENGINE)
TRTEXEC = """#!/bin/bash
echo "&&&& RUNNING TensorRT.trtexec [TensorRT v$VERSION] # trtexec $*"
test "$1" = --help && exit 0
echo "[I] Compute Capability: $CAPABILITY"
if test -n "$FAILS"; then echo "[E] Error[4]: $FAILS"; echo "&&&& FAILED"; exit 1; fi
for word; do case $word in --saveEngine=*) echo "$*" > "${word#*=}";; esac; done
echo "&&&& PASSED"
"""
NVIDIA_SMI = """#!/bin/bash
echo "NVIDIA A10G, 8.6"
"""


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's archive as the Package step writes it."""
    folder = tmp_path_factory.mktemp("package")
    artifact = write_artifact(folder / "artifact")
    package.pack(artifact, folder / "processing/input/model/model.tar.gz")
    assert package.main({"SAGEMAKER_BASE_DIR": str(folder), **to_variables(OPTIONS)}) == ExitCode.SUCCESS
    return folder / "processing/output/repository/model.tar.gz"


@pytest.fixture
def environment(tmp_path: Path, ordered: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A processing container's environment on the right host."""
    base, programs = tmp_path / "ml", tmp_path / "bin"
    (base / "processing/input/repository").mkdir(parents=True)
    shutil.copyfile(ordered, base / "processing/input/repository/model.tar.gz")
    told = {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.g5.xlarge"}},
        "AppSpecification": {"ImageUri": IMAGE},
    }
    (base / "config").mkdir()
    (base / "config/processingjobconfig.json").write_text(json.dumps(told))
    program(programs, "trtexec", TRTEXEC)
    program(programs, "nvidia-smi", NVIDIA_SMI)
    # trtexec itself gets the process's own environment.
    for name, value in {"VERSION": "101602", "CAPABILITY": "8.6", "FAILS": ""}.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PATH": f"{programs}:/usr/bin:/bin"}


def built(environment: Mapping[str, str], folder: Path) -> tuple[Path, ArtifactManifest]:
    archive = Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/output/repository/model.tar.gz"
    unpack(archive, folder)
    manifest = ArtifactManifest.read(folder)
    manifest.verify(folder)
    return folder, manifest


def test_an_engine_takes_the_place_of_the_graph(environment: dict[str, str], tmp_path: Path) -> None:
    assert main(environment) == ExitCode.SUCCESS
    folder, manifest = built(environment, tmp_path / "built")
    assert [path.name for path in (folder / "bytes_lm/1").iterdir()] == ["model.plan"]
    config = text_format.Parse((folder / "bytes_lm/config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert (config.backend, config.max_batch_size, dict(config.parameters)) == ("tensorrt", 16, {})
    words = (folder / "bytes_lm/1/model.plan").read_text().split()
    assert words[0].startswith("--onnx=")
    assert set(words[2:]) == {
        "--minShapes=tokens:1x1", "--optShapes=tokens:8x64", "--maxShapes=tokens:16x512",
        "--memPoolSize=workspace:2048", "--skipInference",
    }  # fmt: skip
    assert manifest.packaging["engines"]["bytes_lm"]["built"] == {
        "instance_type": "ml.g5.xlarge", "image": IMAGE, "tensorrt": "10.16.2", "compute_capability": "8.6",
        "device": "NVIDIA A10G", "precision": "graph",
    }  # fmt: skip


def test_the_step_needs_nothing_but_the_standard_library(environment: dict[str, str], tmp_path: Path) -> None:
    for name in ("inference_code", "ml_contract"):
        shutil.copytree(ROOT / name, tmp_path / "code" / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-S", "-m", "inference_code.engine"],
        cwd=tmp_path / "code", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("engine: bytes_lm for NVIDIA A10G (8.6), TensorRT 10.16.2\n")


def _another_type(base: Path, _: Path) -> None:
    path = base / "config/processingjobconfig.json"
    path.write_text(path.read_text().replace("ml.g5.xlarge", "ml.g6.xlarge"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _, programs: (programs / "trtexec").unlink(), "trtexec: got None, but "),
        (lambda _, programs: (programs / "nvidia-smi").unlink(), "gpu: got "),
        (lambda _, programs: program(programs, "nvidia-smi", "#!/bin/bash\nexit 9\n"), "gpu: got "),
        (lambda _, programs: program(programs, "trtexec", "#!/bin/bash\n"), "first line tells TensorRT's version"),
        (lambda _, programs: program(programs, "trtexec", TRTEXEC.replace("--saveEngine", "--none")),
         "it ended well and wrote no model.plan"),
        (_another_type, "instance_type: got 'ml.g6.xlarge', but the engine of bytes_lm is for ml.g5.xlarge"),
        (lambda base, _: (base / "config/processingjobconfig.json").unlink(), "processingjobconfig.json: got "),
        (lambda base, _: (base / "processing/input/repository/model.tar.gz").unlink(), "model.tar.gz: got None"),
    ],
    ids=["trtexec", "no nvidia-smi", "no gpu", "no version", "no plan", "type", "job", "repository"],
)  # fmt: skip
def test_a_host_that_cannot_build(
    environment: dict[str, str], change: Callable[[Path, Path], None], words: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    base = Path(environment["SAGEMAKER_BASE_DIR"])
    change(base, tmp_path / "bin")
    assert main(environment) == ExitCode.CONTRACT_BROKEN
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert (base / "output/message").read_text() in line
    assert not (base / "processing/output").exists()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FAILS", "No importer registered for op: Foo", "said: [E] Error[4]: No importer registered for op: Foo"),
        ("CAPABILITY", "7.5", "compute_capability: got '7.5', but nvidia-smi says 8.6"),
    ],
)
def test_a_build_that_fails(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv(variable, value)
    assert main(environment) == ExitCode.CONTRACT_BROKEN
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("version", "code"), [("8402", 0), ("101602", 0), ("110001", 2)])
def test_sixteen_bits_are_a_flag_until_tensorrt_11(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    archive = Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/repository/model.tar.gz"
    unpack(archive, tmp_path / "changed")
    path = tmp_path / "changed/manifest.json"
    path.write_text(path.read_text().replace('"precision": "graph"', '"precision": "fp16"'))
    package.pack(tmp_path / "changed", archive)
    monkeypatch.setenv("VERSION", version)
    assert main(environment) == code
    if code:
        assert "engine.precision: got 'fp16', but TensorRT 11.0.1 takes" in capsys.readouterr().err
    else:
        assert "--fp16" in (built(environment, tmp_path / "built")[0] / "bytes_lm/1/model.plan").read_text()


def test_a_repository_without_orders(environment: dict[str, str], tmp_path: Path, artifact: Path) -> None:
    base = tmp_path / "other"
    package.pack(artifact, base / "processing/input/model/model.tar.gz")
    package.main({"SAGEMAKER_BASE_DIR": str(base), "TRAINYARD_OPTIONS": '{"backend": "python"}'})
    given = Path(environment["SAGEMAKER_BASE_DIR"]) / "processing/input/repository/model.tar.gz"
    shutil.copyfile(base / "processing/output/repository/model.tar.gz", given)
    assert main(environment) == ExitCode.CONTRACT_BROKEN


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"lengths": None}, "engine.lengths"), ({"typical_batch": 17}, "engine.typical_batch")],
)
def test_an_order_that_does_not_fit_the_signature(artifact: Path, tmp_path: Path, changes: dict[str, object],
                                                  field: str) -> None:  # fmt: skip
    package.pack(artifact, tmp_path / "processing/input/model/model.tar.gz")
    options = replace(OPTIONS, engine=replace(ENGINE, **changes))
    assert package.main({"SAGEMAKER_BASE_DIR": str(tmp_path), **to_variables(options)}) == ExitCode.CONTRACT_BROKEN
    assert (tmp_path / "output/message").read_text().startswith(f"{field}: got ")


def test_an_engine_is_served_where_it_was_built(environment: dict[str, str], ordered: Path, tmp_path: Path) -> None:
    unpack(ordered, tmp_path / "ordered")
    with pytest.raises(ContractError, match=r"^bytes_lm.engine: got None, but it has not been built"):
        check_served(ArtifactManifest.read(tmp_path / "ordered").packaging, instance_type="ml.g5.xlarge", image=IMAGE)
    main(environment)
    _, manifest = built(environment, tmp_path / "built")
    check_served(
        manifest.packaging, instance_type="ml.g5.xlarge",
        image="111111111111.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-tritonserver:26.05-py3",
    )  # fmt: skip
    with pytest.raises(
        ContractError, match=r"^instance_type: got 'ml\.g6\.xlarge', but the engine of bytes_lm was built"
    ):
        check_served(manifest.packaging, instance_type="ml.g6.xlarge", image=IMAGE)
    with pytest.raises(ContractError, match=r"^image: got "):
        check_served(manifest.packaging, instance_type="ml.g5.xlarge", image=IMAGE.replace("26.05", "26.08"))
