"""Allocation: which cells become patches, and how many tokens each of them gets.

A patch of ``s * s`` tokens is a crop of ``32 s`` pixels a side to the vision tower, so budgets are square numbers: from
64 = 8 x 8 to 400 = 20 x 20, DeepSeek-OCR's tiny and large modes (arXiv 2510.18234, table 2) and all sides in between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ml_contract.workloads.arr_coc import Relevance


@dataclass(frozen=True)
class Allocation:
    """K patches of each image, in reading order."""

    cells: Tensor
    """int64 [batch, K]: number of the cell, row by row."""
    sides: Tensor
    """int64 [batch, K]: tokens a side."""
    relevance: Tensor
    """float32 [batch, K]: relevance of the cell; gradients flow."""
    soft: Tensor
    """float32 [batch, K]: the budget before it is rounded; gradients flow."""

    @property
    def budgets(self) -> Tensor:
        """int64 [batch, K]: tokens."""
        return self.sides.square()


def allocate(relevance: Tensor, options: Relevance) -> Allocation:
    """Choose the most relevant cells and share the tokens out among them.

    Args:
        relevance: float32 [batch, grid, grid] in 0 … 1.
        options: K and the bounds.
    """
    flat = relevance.flatten(1)
    # Stable, so that of equal cells the first in reading order is taken, on every device.
    order = torch.sort(flat, dim=1, descending=True, stable=True).indices[:, : options.patches]
    soft, sides = budgets(flat.gather(1, order), options)
    cells, back = order.sort(dim=1)
    return Allocation(cells, sides.gather(1, back), flat.gather(1, cells), soft.gather(1, back))


def budgets(relevance: Tensor, options: Relevance) -> tuple[Tensor, Tensor]:
    """Budgets of patches in descending order of relevance, [batch, K]: before rounding, and tokens a side.

    Before rounding a patch has ``low + rate * odds`` tokens, at most ``high``, with the odds ``r / (1 - r)`` of its
    relevance: of K patches that are all relevant, shares by relevance itself would hardly differ. One rate for all of
    an image makes the sum ``budget_total``. Rounding goes down to a square; what that leaves raises patches by one
    side each, the most relevant first, until the next would exceed the total. So ``K low <= sum <= total``, and no
    patch has fewer tokens than a less relevant one.
    """
    low, high = options.budget_low, options.budget_high
    span, extra = high - low, options.budget_total - relevance.shape[1] * low
    share = relevance.double()
    # A bound and no addend: the exporter of graphs takes additions below 1e-8 for additions of zero.
    share = share.clamp(min=1e-9) / (1 - share + 1e-6)
    full = torch.arange(share.shape[1], device=share.device)
    # Where the m most relevant have reached `high`, the others share what they leave.
    rates = (extra - full * span) / share.flip(1).cumsum(1).flip(1)
    fits = rates * share <= span
    first = torch.where(fits.any(1), fits.int().argmax(1), share.shape[1] - 1)
    soft = low + (rates.gather(1, first[:, None]) * share).clamp(max=span)

    smallest, largest = math.isqrt(low), math.isqrt(high)
    sides = (soft.detach() + 1e-6).sqrt().long().clamp(smallest, largest)
    costs = torch.where(sides < largest, 2 * sides + 1, 0)
    left = options.budget_total - sides.square().sum(1, keepdim=True)
    raised = (costs.cumsum(1) <= left) & (sides < largest)
    return soft.float(), sides + raised
