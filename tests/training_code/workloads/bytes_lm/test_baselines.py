"""Bits per byte and the baselines are what an independent computation finds."""

import itertools
import lzma
import math
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_harness import ROOT

from training_code.workloads.bytes_lm import baselines
from training_code.workloads.bytes_lm.evaluate import bits_per_byte


class Uniform:
    """A session that knows nothing: every byte costs 8 bits."""

    def run(self, _names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [np.zeros((*inputs["tokens"].shape, 256), np.float32)]


class Copying:
    """A session that bets ``odds`` to 1 that the next byte is the one before."""

    def __init__(self, odds: float) -> None:
        self.bonus = math.log(odds)

    def run(self, _names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [self.bonus * np.eye(256, dtype=np.float32)[inputs["tokens"]]]


@given(content=st.binary(min_size=1, max_size=200), length=st.integers(1, 50), batch=st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_every_byte_counts_once(content: bytes, length: int, batch: int) -> None:
    text = np.frombuffer(content, np.uint8)
    assert bits_per_byte(Uniform(), text, length=length, batch=batch) == pytest.approx(8)
    odds = 51.0
    same = sum(first == second for first, second in itertools.pairwise(content))
    hit, miss = math.log2((255 + odds) / odds), math.log2(255 + odds)
    expected = (8 + same * hit + (len(content) - 1 - same) * miss) / len(content)
    assert bits_per_byte(Copying(odds), text, length=length, batch=batch) == pytest.approx(expected, rel=1e-5)


@given(st.binary(min_size=1, max_size=500))
@settings(max_examples=60, deadline=None)
def test_order_0_is_the_entropy_of_the_frequencies(content: bytes) -> None:
    expected = sum(-count / len(content) * math.log2(count / len(content)) for count in Counter(content).values())
    assert baselines.order0_bits_per_byte(content) == pytest.approx(expected, abs=1e-9)


def test_order_0_of_known_texts() -> None:
    assert baselines.order0_bits_per_byte(b"aaaa") == 0
    assert baselines.order0_bits_per_byte(b"abab") == 1
    assert baselines.order0_bits_per_byte(bytes(range(256))) == 8


@pytest.mark.skipif(shutil.which("xz") is None, reason="no xz program")
def test_xz_is_what_the_program_xz_makes(tmp_path: Path) -> None:
    content = (ROOT / "training_code" / "train.py").read_bytes() * 3
    (tmp_path / "text").write_bytes(content)
    packed = subprocess.run(["xz", "-9e", "-c", tmp_path / "text"], capture_output=True, check=True).stdout
    assert lzma.decompress(packed) == content
    assert baselines.xz_bits_per_byte(content) == 8 * len(packed) / len(content)
