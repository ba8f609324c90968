"""A causal transformer over bytes: RMS normalisation, rotary positions, gated feed-forward layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.bytes_lm import VOCABULARY, BytesLm

ROTARY_BASE = 10000.0
"""Longest wavelength of rotary positions over 2 pi (RoFormer, arXiv 2104.09864)."""


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, options: BytesLm) -> None:
        super().__init__()
        dimension = options.dimension
        self.head_dimension = dimension // options.heads
        self.query = nn.Linear(dimension, dimension, bias=False)
        self.key = nn.Linear(dimension, dimension, bias=False)
        self.value = nn.Linear(dimension, dimension, bias=False)
        self.output = nn.Linear(dimension, dimension, bias=False)
        self.attend = F.scaled_dot_product_attention
        """What context parallelism puts its own in place of."""

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, sequence, dimension] to the same shape; with tensor parallel, a part of the heads is here."""
        query, key, value = (
            project(hidden).unflatten(-1, (-1, self.head_dimension)).transpose(1, 2)
            for project in (self.query, self.key, self.value)
        )
        mixed = self.attend(rotate(query, angles), rotate(key, angles), value, is_causal=True)
        return self.output(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """SwiGLU (arXiv 2002.05202)."""

    def __init__(self, dimension: int, inner: int) -> None:
        super().__init__()
        self.gate = nn.Linear(dimension, inner, bias=False)
        self.value = nn.Linear(dimension, inner, bias=False)
        self.output = nn.Linear(inner, dimension, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[…, dimension] to the same shape."""
        return self.output(F.silu(self.gate(hidden)) * self.value(hidden))


class Block(nn.Module):
    """One layer; the unit that FSDP shards and gathers."""

    def __init__(self, options: BytesLm) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(options.dimension, eps=1e-6)
        self.attention = Attention(options)
        self.feed_forward_norm = nn.RMSNorm(options.dimension, eps=1e-6)
        self.feed_forward = FeedForward(options.dimension, options.inner)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, sequence, dimension] to the same shape."""
        hidden = hidden + self.attention(self.attention_norm(hidden), angles)
        return hidden + self.feed_forward(self.feed_forward_norm(hidden))


class ByteTransformer(nn.Module):
    """Bytes in, scores of the next byte out. A pipeline stage lacks some blocks, and what lies before or after them."""

    def __init__(self, options: BytesLm) -> None:
        super().__init__()
        self.head_dimension = options.dimension // options.heads
        self.embedding: nn.Embedding | None = nn.Embedding(VOCABULARY, options.dimension)
        self.blocks = nn.ModuleDict({str(index): Block(options) for index in range(options.layers)})
        self.norm: nn.RMSNorm | None = nn.RMSNorm(options.dimension, eps=1e-6)
        self.scores: nn.Linear | None = nn.Linear(options.dimension, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        """Logits, float of shape [batch, sequence, 256], from tokens, int64 of shape [batch, sequence].

        Without embedding it takes, and without scores it gives, hidden states of shape [batch, sequence, dimension].
        ``positions`` are those of the tokens in the whole sequence, int64 of shape [sequence]; None counts from 0.
        """
        if positions is None:
            positions = torch.arange(tokens.shape[1], device=tokens.device)
        angles = rotary(positions, self.head_dimension)
        hidden = tokens if self.embedding is None else self.embedding(tokens)
        for block in self.blocks.values():
            hidden = block(hidden, angles)
        return hidden if self.scores is None or self.norm is None else self.scores(self.norm(hidden))


def rotary(positions: Tensor, dimension: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of rotary angles, float32 of shape [sequence, dimension] each."""
    exponents = torch.arange(0, dimension, 2, dtype=torch.float32, device=positions.device) / dimension
    angles = positions.to(torch.float32)[:, None] * ROTARY_BASE**-exponents
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(vectors: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + half) of the last dimension by the angle of its position."""
    cosine, sine = (part.to(vectors.dtype) for part in angles)
    low, high = vectors.chunk(2, dim=-1)
    return vectors * cosine + torch.cat((-high, low), dim=-1) * sine


def next_byte_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy, nats per byte: logits [batch, sequence, 256] against targets [batch, sequence]."""
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())
