"""Real digits, split by a rule that anyone can apply again."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.workloads.digits import PrepareOptions
from training_code.workloads.digits.data import Images
from training_code.workloads.digits.prepare import heldout_numbers, prepare


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


@pytest.mark.slow  # scikit-learn takes seconds to import
def test_the_splits_are_all_of_scikit_learns_digits_and_share_none(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    manifest = prepare(PrepareOptions(heldout_fraction=0.3, shard_images=100), tmp_path)
    train, heldout = (Images(tmp_path / split) for split in ("train", "heldout"))
    pixels, labels = load_digits(return_X_y=True)
    published = sorted((*image, label) for image, label in zip(pixels.tolist(), labels.tolist(), strict=True))
    assert sorted(map(tuple, np.concatenate([train.records, heldout.records]).tolist())) == published
    assert not set(map(tuple, train.records.tolist())) & set(map(tuple, heldout.records.tolist()))
    assert manifest == json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["splits"]["heldout"]["digits"] == np.bincount(heldout.labels).tolist()
    assert len(train.shards.shards) == -(-len(train) // 100)
