"""The plan by which tensor parallel divides the model changes no number."""

import sys
from pathlib import Path

import pytest
from training_ranks import together

sys.path.insert(0, str(Path(__file__).parent))

import llama_ranks

TOLERANCE = 1e-5
"""float32 sums in another order, over two layers."""


@pytest.mark.slow
def test_two_ranks_with_half_of_every_matrix_compute_what_one_does(tmp_path: Path) -> None:
    for found in together(tmp_path, llama_ranks.divided):
        assert found["logits"] < TOLERANCE
        assert max(found["gradients"].values()) < TOLERANCE
        matrices = [name for name in found["gradients"] if "norm" not in name]
        assert sorted(found["divided"]) == sorted(matrices)
