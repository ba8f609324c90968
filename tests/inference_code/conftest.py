"""Artifacts as training leaves them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .graphs import write_artifact


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact; tests take copies."""
    return write_artifact(tmp_path_factory.mktemp("artifact"))


@pytest.fixture
def artifact(written: Path, tmp_path: Path) -> Path:
    """An artifact of one's own."""
    return Path(shutil.copytree(written, tmp_path / "artifact"))
