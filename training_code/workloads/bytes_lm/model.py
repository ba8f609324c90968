"""A causal transformer over bytes: RMS normalisation, rotary positions, gated feed-forward layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  (the field's name for it)
from torch import Tensor, nn

from ml_contract.bytes_lm import VOCABULARY, BytesLm

ROTARY_BASE = 10000.0
"""Longest wavelength of rotary positions over 2 pi (RoFormer, arXiv 2104.09864)."""


class Attention(nn.Module):
    """Causal self-attention with rotary positions."""

    def __init__(self, dimension: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(dimension, 3 * dimension, bias=False)
        self.output = nn.Linear(dimension, dimension, bias=False)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, sequence, dimension] to the same shape."""
        query, key, value = self.inputs(hidden).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(rotate(query, angles), rotate(key, angles), value, is_causal=True)
        return self.output(mixed.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    """SwiGLU (arXiv 2002.05202), its inner width 8/3 of the outer one, rounded up to a multiple of 16."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        inner = (8 * dimension // 3 + 15) // 16 * 16
        self.inputs = nn.Linear(dimension, 2 * inner, bias=False)
        self.output = nn.Linear(inner, dimension, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[…, dimension] to the same shape."""
        gate, value = self.inputs(hidden).chunk(2, dim=-1)
        return self.output(F.silu(gate) * value)


class Block(nn.Module):
    """One layer; the unit that FSDP shards and gathers."""

    def __init__(self, dimension: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(dimension, eps=1e-6)
        self.attention = Attention(dimension, heads)
        self.feed_forward_norm = nn.RMSNorm(dimension, eps=1e-6)
        self.feed_forward = FeedForward(dimension)

    def forward(self, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
        """[batch, sequence, dimension] to the same shape."""
        hidden = hidden + self.attention(self.attention_norm(hidden), angles)
        return hidden + self.feed_forward(self.feed_forward_norm(hidden))


class ByteTransformer(nn.Module):
    """Bytes in, scores of the next byte out."""

    def __init__(self, *, dimension: int, layers: int, heads: int) -> None:
        super().__init__()
        self.head_dimension = dimension // heads
        self.embedding = nn.Embedding(VOCABULARY, dimension)
        self.blocks = nn.ModuleList(Block(dimension, heads) for _ in range(layers))
        self.norm = nn.RMSNorm(dimension, eps=1e-6)
        self.scores = nn.Linear(dimension, VOCABULARY, bias=False)

    @classmethod
    def of(cls, options: BytesLm) -> ByteTransformer:
        """The model that the hyperparameters describe, with whatever weights the current device gives."""
        return cls(dimension=options.dimension, layers=options.layers, heads=options.heads)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits, float of shape [batch, sequence, 256], from tokens, int64 of shape [batch, sequence]."""
        angles = rotary(tokens.shape[1], self.head_dimension, tokens.device)
        hidden = self.embedding(tokens)
        for block in self.blocks:
            hidden = block(hidden, angles)
        return self.scores(self.norm(hidden))


def rotary(length: int, dimension: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine of rotary angles, float32 of shape [length, dimension] each."""
    exponents = torch.arange(0, dimension, 2, dtype=torch.float32, device=device) / dimension
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * ROTARY_BASE**-exponents
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
