"""TensorRT engines are served by what built them, or by nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ml_contract.errors import ContractError
from ml_contract.packaging.engine import ENGINES, BuiltEngine
from trainyard.local.hosting.container import Container
from trainyard.local.hosting.engines import check_engines

from .conftest import IMAGE, stand_in_blueprint

BUILT = BuiltEngine(
    instance_type="ml.g5.xlarge", image=IMAGE, tensorrt="10.16.2", compute_capability="8.6", device="NVIDIA A10G",
    precision="fp16",
)  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with an engine, as the engine step leaves it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    manifest = {"packaging": {ENGINES: {"digits": {"built": BUILT.to_json()}}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_what_built_an_engine_serves_it(repository: Path) -> None:
    check_engines(repository, "ml.g5.xlarge", IMAGE)


def test_another_type_does_not_begin_to_serve(repository: Path, tmp_path: Path) -> None:
    blueprint = replace(stand_in_blueprint(tmp_path), archive=repository, instance_type="ml.g6.xlarge", image=IMAGE)
    with pytest.raises(
        ContractError, match=r"instance_type: got 'ml.g6.xlarge', but the engine of digits was built on"
    ):
        Container(blueprint, tmp_path / "root", lambda _: None, ended=lambda: None)


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"packaging": null}'])
def test_a_manifest_of_somebody_else_is_none_of_ours(repository: Path, text: str) -> None:
    (repository / "manifest.json").write_text(text)
    check_engines(repository, "ml.c5.xlarge", IMAGE)
