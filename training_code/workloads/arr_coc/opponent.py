"""The opponent processor: three tensions, each between two ways to be wrong, make one relevance map of three.

The tensions are those of Vervaeke, Lillicrap and Richards, "Relevance realization and the emerging framework in
cognitive science", J. Logic and Computation 22(1), 2012: cognitive scope (compression and particularisation),
tempering (exploitation and exploration) and prioritisation (focus and diversity).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.arr_coc import SCORERS, STATISTICS, TENSIONS

_NEIGHBOURHOOD = 3
"""Cells a side."""


class OpponentProcessor(nn.Module):
    """Score maps to a relevance map. Where it stands between two poles depends on the maps themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.tensions = nn.Linear(STATISTICS, len(TENSIONS))
        self.weights = nn.Linear(STATISTICS, len(SCORERS))

    def poles(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Where between its poles each tension stands, 0 … 1 in the order of TENSIONS, and the scorers' weights,
        which add up to 1; float32 [batch, 3] each."""
        flat = scores.flatten(2)
        statistics = torch.cat((flat.mean(2), flat.std(2), flat.amax(2)), 1).to(self.tensions.weight.dtype)
        return self.tensions(statistics).float().sigmoid(), self.weights(statistics).float().softmax(1)

    def forward(self, scores: Tensor) -> Tensor:
        """float32 [batch, 3, grid, grid] of standardised scores to relevance, float32 [batch, grid, grid] in 0 … 1.

        With ``s`` the weighted mean of the scores, ``m`` its mean over a neighbourhood, ``u`` the deviation of the
        three scores of a cell:

        - compression and particularisation: ``s <- m + 2 p (s - m)``; 0 sees regions alone, 1 exaggerates detail.
        - exploration and exploitation: ``s <- 2 (e s + (1 - e) (u - mean u))``; where scorers disagree there is
          something to find out, as in upper-confidence-bound rules (Auer 2002, JMLR 3).
        - diversity and focus: ``s <- f s + (1 - f) s / (1/2 + m(|s|))``; cells that stand among strong ones are held
          down (divisive normalisation, Carandini and Heeger 2012, Nature Reviews Neuroscience 13).
        """
        tensions, weights = self.poles(scores)
        particularise, exploit, focus = (share[:, None, None] for share in tensions.unbind(1))
        score = torch.einsum("bk,bkxy->bxy", weights, scores)
        mean = neighbourhood(score)
        score = mean + 2 * particularise * (score - mean)
        doubt = scores.std(1, correction=0)
        score = 2 * (exploit * score + (1 - exploit) * (doubt - doubt.mean((1, 2), keepdim=True)))
        score = focus * score + (1 - focus) * score / (0.5 + neighbourhood(score.abs()))
        return standardised(score).sigmoid()


def neighbourhood(maps: Tensor) -> Tensor:
    """Mean of the 3 x 3 cells around each, fewer at the border; [batch, grid, grid] to the same."""
    return F.avg_pool2d(maps[:, None], _NEIGHBOURHOOD, 1, _NEIGHBOURHOOD // 2, count_include_pad=False)[:, 0]


def standardised(maps: Tensor) -> Tensor:
    """Maps [batch, …] with mean 0 and deviation 1; a flat map becomes 0."""
    flat = maps.flatten(1)
    spread = flat.var(1, correction=0, keepdim=True)
    return ((flat - flat.mean(1, keepdim=True)) / (spread + 1e-6).sqrt()).view_as(maps)
