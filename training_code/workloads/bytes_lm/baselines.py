"""What a byte costs without a model: the figures that a trained one has to beat."""

from __future__ import annotations

import lzma

import numpy as np

BITS = 8


def order0_bits_per_byte(content: bytes) -> float:
    """Entropy of the bytes' own frequencies: the best that any code can do that looks at no neighbour."""
    counts = np.bincount(np.frombuffer(content, np.uint8), minlength=256)
    shares = counts[counts > 0] / len(content)
    return float(-(shares * np.log2(shares)).sum())


def xz_bits_per_byte(content: bytes) -> float:
    """Size after ``xz -9e``, which may look back over all of it and starts knowing nothing."""
    return BITS * len(lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)) / len(content)
