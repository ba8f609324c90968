"""Llama (arXiv 2302.13971): RMS normalisation, rotary positions, grouped-query attention, gated feed-forward layers.

With experts it is Mixtral (arXiv 2401.04088), and what their routers have to answer for goes along with hidden states.

No buffers, and no shape that is taken from the options in forward: heads are counted where they are, so that the same
code runs on a tensor-parallel part, and positions come in where a rank has a part of the sequence only.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.llama import Llama, RopeScaling
from training_code.workloads.llama.experts import Mixture


class Attention(nn.Module):
    """Causal self-attention in which several query heads share a key and value head (arXiv 2305.13245)."""

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.head_dimension = options.head_dimension
        shared = options.kv_heads * options.head_dimension
        self.query = nn.Linear(options.hidden, options.hidden, bias=False)
        self.key = nn.Linear(options.hidden, shared, bias=False)
        self.value = nn.Linear(options.hidden, shared, bias=False)
        self.output = nn.Linear(options.hidden, options.hidden, bias=False)
        self.attend = F.scaled_dot_product_attention
        """What context parallelism puts its own in place of."""

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, sequence, hidden] to the same shape; with tensor parallel, a part of the heads is here."""
        query, key, value = (
            project(hidden).unflatten(-1, (-1, self.head_dimension)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        mixed = self.attend(
            rotate(query, angles), rotate(key, angles), value, is_causal=True,
            enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
        return self.output(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """SwiGLU (arXiv 2002.05202)."""

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.gate = nn.Linear(options.hidden, options.intermediate, bias=False)
        self.value = nn.Linear(options.hidden, options.intermediate, bias=False)
        self.output = nn.Linear(options.intermediate, options.hidden, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[…, hidden] to the same shape."""
        return self.output(F.silu(self.gate(hidden)) * self.value(hidden))


class Block(nn.Module):
    """One layer; the unit of sharding, recomputation and compilation."""

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(options.hidden, eps=options.norm_epsilon)
        self.attention = Attention(options)
        self.feed_forward_norm = nn.RMSNorm(options.hidden, eps=options.norm_epsilon)
        self.feed_forward = Mixture(options) if options.experts else FeedForward(options)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor | tuple[Tensor, Tensor]:
        """[batch, sequence, hidden] to the same shape; with experts, their unevenness too, of shape [batch]."""
        hidden = hidden + self.attention(self.attention_norm(hidden), angles)
        found = self.feed_forward(self.feed_forward_norm(hidden))
        if isinstance(found, tuple):
            return hidden + found[0], found[1]
        return hidden + found


class LlamaModel(nn.Module):
    """Tokens in, scores of the next token out. A pipeline stage lacks some blocks, and what lies before or after."""

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.head_dimension, self.theta, self.scaling = options.head_dimension, options.rope_theta, options.rope_scaling
        self.embedding: nn.Embedding | None = nn.Embedding(options.vocabulary, options.hidden)
        self.blocks = nn.ModuleDict({str(index): Block(options) for index in range(options.layers)})
        self.norm: nn.RMSNorm | None = nn.RMSNorm(options.hidden, eps=options.norm_epsilon)
        self.scores: nn.Linear | None = None
        self.tied = options.tied
        self.layers, self.mixture = options.layers, options.experts > 0
        if not options.tied:
            self.scores = nn.Linear(options.hidden, options.vocabulary, bias=False)

    def forward(
        self, tokens: Tensor, unevenness: Tensor | None = None, *, positions: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Logits of shape [batch, sequence, vocabulary].

        Args:
            tokens: int64 of shape [batch, sequence]; hidden states where the embedding was cut away.
            unevenness: With experts, the sum over blocks that were cut away before this part, of shape [batch].
            positions: int64 of shape [sequence]; None counts from 0.

        Returns:
            Hidden states where the scores were cut away. With experts and while training, a pair: unevenness beside
            that, the mean over all blocks, or the sum where the scores were cut away.
        """
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
        angles = rotary(positions, self.head_dimension, theta=self.theta, scaling=self.scaling)
        hidden = tokens if self.embedding is None else self.embedding(tokens)
        for block in self.blocks.values():
            hidden = block(hidden, angles)
            if self.mixture:
                hidden, found = hidden
                unevenness = found if unevenness is None else unevenness + found
        if self.norm is not None:
            hidden = self.scored(self.norm(hidden))
        if unevenness is None or not self.training:
            return hidden
        return hidden, unevenness if self.norm is None else unevenness / self.layers

    def scored(self, hidden: Tensor) -> Tensor:
        """[…, hidden] to […, vocabulary]."""
        if self.tied:
            # Not a second parameter: whatever moves or shards parameters would part the two.
            assert self.embedding is not None
            return F.linear(hidden, self.embedding.weight)
        assert self.scores is not None
        return self.scores(hidden)


def rotary(
    positions: Tensor, dimension: int, *, theta: float, scaling: RopeScaling | None = None
) -> tuple[Tensor, Tensor]:
    """Cosine and sine of rotary angles (arXiv 2104.09864), float32 of shape [sequence, dimension] each."""
    exponents = torch.arange(0, dimension, 2, dtype=torch.float32, device=positions.device) / dimension
    frequencies = 1.0 / theta**exponents
    if scaling is not None:
        frequencies = stretched(frequencies, scaling)
    angles = positions.to(torch.float32)[:, None] * frequencies
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def stretched(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Frequencies of Llama 3.1, radians a token; see :class:`RopeScaling`."""
    turns = scaling.original_length * frequencies / (2 * math.pi)
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    kept = ((turns - low) / (high - low)).clamp(0, 1) if high > low else (turns >= low).to(frequencies.dtype)
    return frequencies * (kept + (1 - kept) / scaling.factor)


def rotate(vectors: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + half) of the last dimension by the angle of its position, as Hugging Face pairs them."""
    cosine, sine = (part.to(vectors.dtype) for part in angles)
    low, high = vectors.chunk(2, dim=-1)
    return vectors * cosine + torch.cat((-high, low), dim=-1) * sine
