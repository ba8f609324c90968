"""The constructs serve an app that has nothing but the wheel, and ship the same code from it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from synthesis import ROOT, resources

EXAMPLE = ROOT / "examples" / "foreign_app"
PACKAGES = {"cluster_code", "constructs_lib", "inference_code", "ml_contract", "training_code", "trainyard"}


def synthesise(packages: Path, folder: Path) -> Path:
    """Run the example where the project is importable from `packages` only; the rest comes from the tests' own."""
    # -S leaves out site-packages with its link to the checkout, which PYTHONPATH then names without that link.
    site = next(path for path in sys.path if path.endswith("site-packages"))
    ended = subprocess.run(
        [sys.executable, "-S", str(EXAMPLE / "app.py")],
        cwd=folder.parent,
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{packages}{os.pathsep}{site}",
            "CDK_OUTDIR": str(folder),
            "CDK_VALIDATION": "false",
            "HOME": os.environ.get("HOME", "/tmp"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return folder


def code(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("asset.*.tgz"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True,
                   capture_output=True)  # fmt: skip
    (found,) = folder.glob("trainyard-*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_holds_typed_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert {name.split("/")[0] for name in names} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.slow
def test_an_app_of_somebody_else_synthesises_from_the_wheel_with_the_same_code(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    # As pip does after it has unpacked: caches must not change what is shipped.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(installed)], check=True)
    from_wheel = synthesise(installed, tmp_path / "wheel.out")
    from_checkout = synthesise(ROOT, tmp_path / "checkout.out")
    assert code(from_wheel) == code(from_checkout)
    template = json.loads((from_wheel / "Research.template.json").read_text())
    assert template == json.loads((from_checkout / "Research.template.json").read_text())
    ((_, pipeline),) = resources(template, "AWS::SageMaker::Pipeline").items()
    assert pipeline["Properties"]["PipelineName"] == "research-text"
