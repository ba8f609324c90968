"""Ranks import the targets by their name; the photographs are cut once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from ml_contract.workloads.arr_coc import PrepareOptions
from training_code.workloads.arr_coc.prepare import prepare


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions about the two photographs: 32 to learn from, 16 held out, in several shards."""
    folder = tmp_path_factory.mktemp("photographs")
    prepare(PrepareOptions(train_samples=32, heldout_samples=16, side=64, shard_bytes=2**17), folder)
    return folder
