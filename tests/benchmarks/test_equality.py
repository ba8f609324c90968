"""Every way to divide a training gives what one rank gives, and the table notices when it does not."""

import pytest

pytest.importorskip("torch", reason="the training environment is not installed")

from benchmarks.equality import compare, failing
from benchmarks.equality_cases import BROKEN, cases

pytestmark = pytest.mark.slow


def test_strategies_train_the_same_as_one_rank_and_broken_gradients_fail() -> None:
    *rows, broken = compare([*(case for case in cases() if case.decisive), BROKEN])
    assert len(rows) == 8
    assert failing(rows) == []
    assert broken["result"].startswith("FAILED: loss")
