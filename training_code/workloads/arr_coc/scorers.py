"""Three relevance scorers, after the ways of knowing by which Vervaeke tells kinds of relevance apart.

Propositional: how much there is to know of a cell. Perspectival: how it stands out from where it stands. Participatory:
what it has to do with the question. Each is a measure plus a learned correction, which starts at zero; so the scores
mean something before the first step.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.arr_coc import MEASURES, TEXTURE_CHANNELS, Relevance
from training_code.workloads.arr_coc.opponent import standardised
from training_code.workloads.arr_coc.texture import INDEX

BINS = 16
"""Of the histograms."""
EDGE_FLOOR = 0.02
"""Mean gradient of a cell at which the orientation of its edges counts half."""
SURROUND = 5
"""Cells a side of what a cell is compared with."""
TINY = 1e-9
"""What stands for nothing where a logarithm or a division needs more. A bound and no addend: graphs are exported with
additions below 1e-8 taken for additions of zero."""
_SEEN = slice(0, INDEX["position_x"])
"""Channels that depend on the image, not on the place."""


class Propositional(nn.Module):
    """Information content: Shannon entropy (Bell System Technical Journal 27, 1948) of what a cell's pixels show."""

    def __init__(self, options: Relevance) -> None:
        super().__init__()
        self._grid = options.grid
        self.input = nn.Conv2d(MEASURES, options.width, 1)
        self.output = nn.Conv2d(options.width, 1, 1)

    def forward(self, texture: Tensor) -> Tensor:
        """Texture array, [batch, 13, side, side], to scores, float32 [batch, grid, grid]."""
        lightness, edge = texture[:, INDEX["lightness"]], texture[:, INDEX["edge"]]
        orientation = torch.atan2(texture[:, INDEX["gradient_y"]], texture[:, INDEX["gradient_x"]]) / math.tau + 0.5
        # A flat area's noise points everywhere: orientation counts as far as there are edges.
        strength = cells(edge[:, None], self._grid)[:, 0]
        measures = torch.stack((
            entropy(lightness, torch.ones_like(lightness), self._grid),
            entropy(orientation, edge, self._grid) * strength / (strength + EDGE_FLOOR),
            cells(texture[:, INDEX["contrast"]][:, None], self._grid)[:, 0],
        ), 1)  # fmt: skip
        learned = self.output(F.gelu(self.input(measures.to(self.input.weight.dtype))))
        return standardised(standardised(measures[:, 0]) + standardised(measures[:, 1]) + learned[:, 0].float())


class Perspectival(nn.Module):
    """Salience: difference between a cell and its surround (Itti, Koch and Niebur 1998, IEEE PAMI 20(11)).

    Edges and eccentricity are among the channels, so that the correction can learn to favour the centre, or not to.
    """

    def __init__(self, options: Relevance) -> None:
        super().__init__()
        self._grid = options.grid
        self.input = nn.Conv2d(TEXTURE_CHANNELS, options.width, 3, padding=1)
        self.output = nn.Conv2d(options.width, 1, 1)

    def forward(self, texture: Tensor) -> Tensor:
        """Texture array, [batch, 13, side, side], to scores, float32 [batch, grid, grid]."""
        means = cells(texture, self._grid)
        seen = means[:, _SEEN]
        surround = F.avg_pool2d(seen, SURROUND, 1, SURROUND // 2, count_include_pad=False)
        # Each channel counts by how rarely it differs: its own range would decide otherwise.
        difference = (seen - surround).abs()
        salience = (difference / (difference.mean((2, 3), keepdim=True) + 1e-3)).mean(1)
        learned = self.output(F.gelu(self.input(means.to(self.input.weight.dtype))))
        return standardised(standardised(salience) + learned[:, 0].float())


class Participatory(nn.Module):
    """Query and content: how much of the question's attention a cell draws (arXiv 1706.03762, without values)."""

    def __init__(self, options: Relevance, vocabulary: int) -> None:
        super().__init__()
        self._grid, self._heads = options.grid, options.heads
        self.embedding = nn.Embedding(vocabulary, options.width)
        # A byte means little without its neighbours.
        self.context = nn.Conv1d(options.width, options.width, 5, padding=2, groups=options.width)
        self.content = nn.Conv2d(TEXTURE_CHANNELS, options.width, 1)
        self.mixed = nn.Conv2d(options.width, options.width, 1)
        self.query = nn.Linear(options.width, options.width, bias=False)
        self.key = nn.Linear(options.width, options.width, bias=False)
        self.importance = nn.Linear(options.width, 1)

    def forward(self, texture: Tensor, question: Tensor, length: Tensor) -> Tensor:
        """Scores, float32 [batch, grid, grid].

        Args:
            texture: Texture array, [batch, 13, side, side].
            question: Tokens, int64 [batch, tokens].
            length: Tokens that are the question's, int64 [batch]; what follows is not looked at.
        """
        asked = torch.arange(question.shape[1], device=question.device) < length[:, None]
        words = self.embedding(question) * asked[..., None]
        words = words + F.gelu(self.context(words.transpose(1, 2))).transpose(1, 2)
        content = cells(texture, self._grid).to(self.content.weight.dtype)
        content = self.mixed(F.gelu(self.content(content))).flatten(2).transpose(1, 2)
        query = self.query(words).unflatten(-1, (self._heads, -1)).transpose(1, 2)
        key = self.key(content).unflatten(-1, (self._heads, -1)).transpose(1, 2)
        logits = (query @ key.transpose(-1, -2)).float() / math.sqrt(query.shape[-1])
        importance = self.importance(words).float()[..., 0].masked_fill(~asked, -1e9).softmax(1)
        attention = (logits.softmax(-1).mean(1) * importance[..., None]).sum(1)
        return standardised(attention.clamp(min=TINY).log().unflatten(1, (self._grid, self._grid)))


class RelevanceScorers(nn.Module):
    """All three."""

    def __init__(self, options: Relevance, vocabulary: int) -> None:
        super().__init__()
        self.propositional = Propositional(options)
        self.perspectival = Perspectival(options)
        self.participatory = Participatory(options, vocabulary)

    def forward(self, texture: Tensor, question: Tensor, length: Tensor) -> Tensor:
        """Scores of mean 0 and deviation 1, float32 [batch, 3, grid, grid] in the order of SCORERS.

        Args:
            texture: float32 [batch, 13, side, side].
            question: int64 [batch, tokens].
            length: int64 [batch].
        """
        return torch.stack((
            self.propositional(texture), self.perspectival(texture), self.participatory(texture, question, length)
        ), 1)  # fmt: skip


def cells(maps: Tensor, grid: int) -> Tensor:
    """Means over cells: [batch, channels, side, side] to [batch, channels, grid, grid]."""
    return F.avg_pool2d(maps, maps.shape[-1] // grid)


def entropy(values: Tensor, weights: Tensor, grid: int) -> Tensor:
    """Entropy of a weighted histogram of each cell, over its largest value: [batch, grid, grid] in 0 … 1.

    Args:
        values: [batch, side, side] in 0 … 1.
        weights: [batch, side, side], from 0. A cell without weight has no entropy.
        grid: Cells a side.
    """
    bins = (values * BINS).long().clamp(0, BINS - 1)
    shares = cells(F.one_hot(bins, BINS).permute(0, 3, 1, 2) * weights[:, None], grid)
    shares = shares / shares.sum(1, keepdim=True).clamp(min=TINY)
    return -(shares * shares.clamp(min=TINY).log()).sum(1) / math.log(BINS)
