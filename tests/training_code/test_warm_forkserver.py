"""Ranks start with what they need, which a forkserver that could not import it would not say."""

import json
from pathlib import Path

import pytest
from training_ranks import spawn
from warm_forkserver import note_warmth

pytestmark = pytest.mark.slow  # a forkserver


def test_a_rank_imports_nothing_and_passes_over_what_was_imported(tmp_path: Path) -> None:
    process = spawn(note_warmth, {}, tmp_path / "log", str(tmp_path / "result"))
    process.join()
    found = json.loads((tmp_path / "result").read_text())
    assert found["lacking"] == []
    assert found["frozen"] > 100_000
