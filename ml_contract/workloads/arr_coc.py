"""arr-coc-0-1: a vision-language model whose image tokens are allotted by relevance.

The name, the 13-channel texture array, the three scorers after Vervaeke's ways of knowing, the opponent processor and
200 patches at 64 to 400 tokens are those of the public project (github.com/djwar42/arr-coc-0-1, read 2026-11). How
they are computed here, shape by shape, is in training_code/workloads/arr_coc and docs/decisions/0008.
"""

from __future__ import annotations

import math

from ml_contract.checks import at_least, between, multiple
from ml_contract.errors import reject
from ml_contract.values import value_object
from ml_contract.workloads.base import GRAPH_MODULES, Headline, ModelSize, WorkloadOptions
from ml_contract.workloads.qwen3_vl import (
    MERGE,
    QWEN3_VL_2B_LANGUAGE,
    QWEN3_VL_2B_VISION,
    TOKEN_PIXELS,
    Language,
    Vision,
)

NAME = "arr_coc"
TEXTURE_CHANNELS = 13
"""Of the texture array."""
SCORERS = ("propositional", "perspectival", "participatory")
TENSIONS = ("particularise", "exploit", "focus")
"""The pole that a share of 1 stands for: of compression and particularisation, of exploration and exploitation, of
diversity and focus."""
STATISTICS = 3 * len(SCORERS)
"""Figures of three score maps that set the tensions: mean, deviation and maximum of each."""
MEASURES = 3
"""Of a cell's information: entropy of lightness, entropy of edge orientation, local contrast."""


@value_object
class Relevance:
    """What decides where to look, and how closely. The defaults are arr-coc's figures."""

    side: int = 2048
    """Pixels of the square canvas that an image is scaled to."""
    texture_side: int = 512
    """Pixels of the texture array's side; divides ``side``."""
    grid: int = 32
    """Cells a side, of which each has a relevance; divides ``texture_side``."""
    window: int = 4
    """Cells a side that a patch shows, centred on its cell as far as the canvas allows."""
    patches: int = 200
    """Cells that are looked at: the most relevant ones (K)."""
    budget_low: int = 64
    """Fewest tokens of a patch, a square number."""
    budget_high: int = 400
    """Most tokens of a patch, a square number."""
    budget_total: int = 25600
    """Most visual tokens of an image, from ``patches * budget_low``: what bounds the sequence."""
    width: int = 128
    """Of the scorers' hidden layers and of the question's embedding."""
    heads: int = 4
    """Of the attention between question and image; divides ``width``."""
    adapter_width: int = 256
    """Of the quality adapter's hidden layer."""

    def __post_init__(self) -> None:
        for name in ("grid", "window", "patches", "budget_low", "width", "heads", "adapter_width"):
            at_least(name, getattr(self, name), 1)
        multiple("side", self.side, self.texture_side, "texture_side")
        multiple("side", self.side, TOKEN_PIXELS, "a visual token's pixels")
        multiple("texture_side", self.texture_side, 2 * self.grid, "2 grid")
        multiple("width", self.width, self.heads, "heads")
        between("window", self.window, 1, self.grid)
        between("patches", self.patches, 1, self.grid**2)
        for name in ("budget_low", "budget_high"):
            value = getattr(self, name)
            root = math.isqrt(value)
            if root**2 != value:
                reject(name, value, "a patch's tokens form a square", f"Give {root**2} or {(root + 1) ** 2}.")
        between("budget_high", self.budget_high, self.budget_low, 2**16)
        between("budget_total", self.budget_total, self.patches * self.budget_low, self.patches * self.budget_high)

    def parameters(self, vocabulary: int, out: int) -> int:
        """Of the new heads: scorers, opponent processor and quality adapter, for tokens of ``out`` features."""
        width = self.width
        propositional = MEASURES * width + width + width + 1
        perspectival = 9 * TEXTURE_CHANNELS * width + width + width + 1
        content = TEXTURE_CHANNELS * width + width + width**2 + width
        participatory = vocabulary * width + 6 * width + content + 2 * width**2 + width + 1
        opponent = STATISTICS * (len(TENSIONS) + len(SCORERS)) + len(TENSIONS) + len(SCORERS)
        adapter = 2 * self.adapter_width + self.adapter_width + self.adapter_width * 2 * out + 2 * out
        return propositional + perspectival + participatory + opponent + adapter


@value_object
class ArrCoc(WorkloadOptions):
    """The model and its samples."""

    kind = NAME
    modules = ("numpy", "PIL", "safetensors", "tokenizers", "torchdata", "transformers")
    headline = Headline(
        figure="accuracy", better="GreaterThan", unit="share of held-out questions answered",
        baselines={"majority_accuracy": "best constant answers", "uniform_accuracy": "uniform allocation"},
    )  # fmt: skip
    language: Language
    vision: Vision
    relevance: Relevance
    text_length: int = 64
    """Tokens of question, answer and end, padded to this length."""
    image_start: int = 256
    """Token before the image's. The defaults follow the 256 bytes, which are the tokens where there is no tokenizer."""
    image_end: int = 257
    """Token after the image's."""
    text_end: int = 258
    """Token after the answer; it fills up too."""
    head_share: float = 0.1
    """Share of the run's steps, rounded down, in which scorers, opponent processor and quality adapter learn alone;
    then the base does too."""
    pretrained: str | None = None
    """Channel that holds the base's Hugging Face safetensors; None starts from random weights."""
    tokenizer: str | None = None
    """Channel that holds its tokenizer.json; None takes bytes for tokens."""
    graph: bool = False
    """Whether the artifact gets a portable float32 graph of each stage, for Triton; False, the default, leaves weights
    alone."""

    def __post_init__(self) -> None:
        at_least("text_length", self.text_length, 4)
        between("head_share", self.head_share, 0, 1)
        at_least("language.vocabulary", self.language.vocabulary, 256)
        tokens = {name: getattr(self, name) for name in ("image_start", "image_end", "text_end")}
        for name, value in tokens.items():
            between(name, value, 0, self.language.vocabulary - 1)
            if self.tokenizer is None:
                at_least(name, value, 256)
        if len(set(tokens.values())) < len(tokens):
            reject("text_end", self.text_end, f"the special tokens differ ({tokens})", "Give three numbers.")

    @property
    def imported(self) -> tuple[str, ...]:
        return (*self.modules, *(GRAPH_MODULES if self.graph else ()))

    @property
    def freezes(self) -> bool:
        return self.head_share > 0

    def head_steps(self, steps: int) -> int:
        """Steps of a run of ``steps`` in which the base does not learn."""
        return int(self.head_share * steps + 1e-9)

    @property
    def head_parameters(self) -> int:
        """Those of scorers, opponent processor and quality adapter."""
        return self.relevance.parameters(self.language.vocabulary, self.language.hidden)

    @property
    def base_parameters(self) -> int:
        """Those of Qwen3-VL."""
        return self.language.parameters + self.vision.parameters(self.language.hidden)

    @property
    def tokens(self) -> int:
        """Longest sequence: the image between its two tokens, and the text."""
        return self.relevance.budget_total + 2 + self.text_length

    @property
    def size(self) -> ModelSize:
        return ModelSize(
            parameters=self.base_parameters + self.head_parameters, blocks=self.language.layers + self.vision.layers,
            block_parameters=max(self.language.block_parameters, self.vision.block_parameters),
            hidden=self.language.hidden, heads=self.language.heads, tokens=self.tokens,
            vocabulary=self.language.vocabulary, scored=self.text_length,
            key_width=self.language.kv_heads * self.language.head_dimension,
        )  # fmt: skip

    @property
    def flops_per_sample(self) -> float:
        """Forward and backward of one sample with every part learning: the decoder over all tokens, the tower over four
        patches a visual token, which attend within their crop alone (arXiv 2204.02311, appendix B); scorers and
        adapter are below a thousandth of it."""
        language, vision, total = self.language, self.vision, self.relevance.budget_total
        wide = language.heads * language.head_dimension
        decoder = 6 * language.layers * language.block_parameters + 12 * language.layers * wide * self.tokens
        # Scores are computed for the text alone.
        scores = 6 * language.vocabulary * language.hidden * self.text_length
        patches, crop = MERGE**2 * total, MERGE**2 * total / self.relevance.patches
        tower = 6 * vision.parameters(language.hidden) + 12 * vision.layers * vision.hidden * crop
        return float(decoder * self.tokens + scores + tower * patches)


ARR_COC_2B = ArrCoc(
    language=QWEN3_VL_2B_LANGUAGE, vision=QWEN3_VL_2B_VISION, relevance=Relevance(), image_start=151652,
    image_end=151653, text_end=151645, pretrained="pretrained", tokenizer="pretrained",
)  # fmt: skip
"""arr-coc-0-1 on Qwen3-VL-2B, whose weights and tokenizer.json are in the channel ``pretrained``."""

ARR_COC_TINY = ArrCoc(
    language=Language(
        vocabulary=320, hidden=64, intermediate=128, layers=2, heads=4, kv_heads=2, head_dimension=16,
        rope_sections=(4, 2, 2), rope_theta=1e4,
    ),
    vision=Vision(hidden=32, intermediate=64, layers=2, heads=2, positions=16, taps=(0,)),
    relevance=Relevance(
        side=128, texture_side=64, grid=8, window=2, patches=8, budget_low=1, budget_high=4, budget_total=16, width=16,
        heads=2, adapter_width=16,
    ),
    text_length=48,
)  # fmt: skip
"""All parts at the size of a test: a step takes tens of milliseconds on a CPU core."""


@value_object
class PrepareOptions:
    """Options of data preparation: questions on crops of scikit-learn's sample images."""

    train_samples: int = 512
    heldout_samples: int = 128
    side: int = 128
    """Pixels of a crop's side, as stored."""
    shard_bytes: int = 8 * 2**20
    """A shard ends with the first sample that reaches it."""
    seed: int = 0
    """Of the choice of crops and questions."""

    def __post_init__(self) -> None:
        for name in ("train_samples", "heldout_samples"):
            between(name, getattr(self, name), 1, 2**20)
        between("shard_bytes", self.shard_bytes, 2**16, 2**30)
        between("side", self.side, 32, 256)
        between("seed", self.seed, 0, 2**32 - 1)


@value_object
class EvaluateOptions:
    """Options of evaluation."""

    maximum_samples: int = 1024
    """Held-out samples that are asked; the baselines see the same."""
    batch_size: int = 16
    """Samples a forward pass."""

    def __post_init__(self) -> None:
        at_least("maximum_samples", self.maximum_samples, 1)
        at_least("batch_size", self.batch_size, 1)
