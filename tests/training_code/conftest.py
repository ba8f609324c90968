"""Fixtures of the training tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Ranks are processes that import the harness by its name.
sys.path.insert(0, str(Path(__file__).parent))

pytest.importorskip("torch", reason="the training environment is not installed")

import torch
from training_harness import write_shards

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split of 20,000 bytes of text in five shards."""
    return write_shards(tmp_path_factory.mktemp("shards"), 20_000)
