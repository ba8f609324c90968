"""Images are held out by a rule that anyone can apply again."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training_code.workloads.digits.prepare import heldout_numbers


@given(
    labels=st.lists(st.integers(0, 9), max_size=200), seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.01, 0.5),
)  # fmt: skip
@settings(deadline=None)
def test_every_digit_gives_the_same_share(labels: list[int], seed: int, share: float) -> None:
    given = np.array(labels, np.uint8)
    held = heldout_numbers(given, seed=seed, share=share)
    assert held == sorted(set(held))
    for digit in range(10):
        assert sum(given[held] == digit) == round(share * labels.count(digit))


def test_another_seed_holds_out_others() -> None:
    labels = np.zeros(100, np.uint8)
    first, second = (heldout_numbers(labels, seed=seed, share=0.3) for seed in (0, 1))
    assert first != second
