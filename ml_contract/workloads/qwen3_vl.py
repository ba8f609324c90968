"""Shapes of Qwen3-VL, the base of arr_coc: its language model and its vision tower."""

from __future__ import annotations

import math

from ml_contract.checks import at_least, between, multiple
from ml_contract.errors import reject
from ml_contract.values import value_object

PATCH, MERGE, FRAMES = 16, 2, 2
"""Pixels of a vision patch's side; patches a side that become one token; frames a patch spans, a still image twice
(Qwen3-VL's vision_config, huggingface.co/Qwen/Qwen3-VL-2B-Instruct, read 2026-11)."""
TOKEN_PIXELS = PATCH * MERGE
"""Pixels of a visual token's side."""


@value_object
class Language:
    """The language model: Qwen3's decoder."""

    vocabulary: int
    hidden: int
    """Width of the residual stream."""
    intermediate: int
    """Width of the feed-forward layers."""
    layers: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; each serves ``heads / kv_heads`` queries."""
    head_dimension: int
    rope_sections: tuple[int, ...]
    """Rotary frequencies for time, height and width; their sum is half of ``head_dimension``."""
    rope_theta: float = 5e6
    """Longest wavelength of rotary positions over 2 pi."""
    tied: bool = True
    """Whether the scores use the embedding's matrix."""

    def __post_init__(self) -> None:
        for name in ("vocabulary", "hidden", "intermediate", "layers", "heads", "kv_heads", "head_dimension"):
            at_least(name, getattr(self, name), 1)
        multiple("heads", self.heads, self.kv_heads, "kv_heads")
        if len(self.rope_sections) != 3 or 2 * sum(self.rope_sections) != self.head_dimension:
            reject("rope_sections", self.rope_sections, f"they are three numbers whose sum is half of head_dimension"
                   f" ({self.head_dimension})", "Give time, height and width, such as 24, 20, 20 for 128.")  # fmt: skip
        between("rope_theta", self.rope_theta, 1, 1e9)

    @property
    def block_parameters(self) -> int:
        attention = 2 * self.hidden * self.head_dimension * (self.heads + self.kv_heads) + 2 * self.head_dimension
        return attention + 3 * self.hidden * self.intermediate + 2 * self.hidden

    @property
    def parameters(self) -> int:
        table = self.vocabulary * self.hidden
        return self.layers * self.block_parameters + table * (1 if self.tied else 2) + self.hidden


@value_object
class Vision:
    """The vision tower: Qwen3-VL's transformer over patches of 16 x 16 pixels."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    positions: int
    """Learned positions, a square; they are interpolated to each crop."""
    taps: tuple[int, ...]
    """Layers whose features join the language model's first layers too (DeepStack, arXiv 2406.04334), from 0."""

    def __post_init__(self) -> None:
        for name in ("hidden", "intermediate", "layers", "heads", "positions"):
            at_least(name, getattr(self, name), 1)
        multiple("hidden", self.hidden, self.heads, "heads")
        multiple("hidden / heads", self.hidden // self.heads, 4, "4, for rotary positions in two dimensions")
        if math.isqrt(self.positions) ** 2 != self.positions:
            reject("positions", self.positions, "they form a square", f"Give {math.isqrt(self.positions) ** 2}.")
        for tap in self.taps:
            between("taps", tap, 0, self.layers - 1)

    @property
    def block_parameters(self) -> int:
        feed_forward = 2 * self.hidden * self.intermediate + self.intermediate + self.hidden
        return 4 * self.hidden**2 + 4 * self.hidden + feed_forward + 4 * self.hidden

    def parameters(self, out: int) -> int:
        """All of them, where a token has ``out`` features."""
        merged = MERGE**2 * self.hidden
        merger = merged**2 + merged + merged * out + out
        embedding = 3 * FRAMES * PATCH**2 * self.hidden + self.hidden + self.positions * self.hidden
        mergers = merger + 2 * self.hidden + len(self.taps) * (merger + 2 * merged)
        return embedding + self.layers * self.block_parameters + mergers


QWEN3_VL_2B_LANGUAGE = Language(
    vocabulary=151936, hidden=2048, intermediate=6144, layers=28, heads=16, kv_heads=8, head_dimension=128,
    rope_sections=(24, 20, 20),
)  # fmt: skip
QWEN3_VL_2B_VISION = Vision(hidden=1024, intermediate=4096, layers=24, heads=16, positions=2304, taps=(5, 11, 17))
"""Both after huggingface.co/Qwen/Qwen3-VL-2B-Instruct/config.json, as torchtitan repeats it
(torchtitan/experiments/qwen3_vl/__init__.py, read 2026-11)."""
