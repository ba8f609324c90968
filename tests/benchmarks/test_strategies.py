"""The benchmark of strategies runs, and compares with what it says."""

import pytest

pytest.importorskip("torch", reason="the training environment is not installed")

from benchmarks.strategies import CASES, measure

pytestmark = pytest.mark.slow


def test_two_cases_are_compared() -> None:
    first, second = measure(["DDP", "TP 2"], rounds=1, steps=4)
    assert first["step/DDP"] == 1
    assert second["step/DDP"] == pytest.approx(first["tokens/s"] / second["tokens/s"], rel=0.01)


def test_every_case_is_a_run() -> None:
    assert len({str(case) for case in CASES.values()}) == len(CASES)
