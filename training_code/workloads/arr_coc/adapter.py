"""The quality adapter: tells the language model how closely a patch was looked at."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.arr_coc import Relevance
from training_code.workloads.arr_coc.allocation import Allocation


class QualityAdapter(nn.Module):
    """Scale and shift of a patch's tokens by its budget and its relevance (FiLM, arXiv 1709.07871).

    The last layer starts at zero, so that the base model first sees the tokens it knows.
    """

    def __init__(self, options: Relevance, hidden: int) -> None:
        super().__init__()
        self._low, self._high = options.budget_low, options.budget_high
        self.input = nn.Linear(2, options.adapter_width)
        self.output = nn.Linear(options.adapter_width, 2 * hidden)

    def forward(self, allocation: Allocation) -> tuple[Tensor, Tensor]:
        """Scale and shift, float32 [batch, K, hidden] each, for an allocation.

        The scale carries the gate: the patch's relevance over the mean of its image's patches. That, and the budget
        before rounding, whose gradient stands for the rounded one's (straight through, arXiv 1308.3432), is how the
        answer's loss reaches the scorers: the choice of cells and the rounding have no gradient.
        """
        soft = allocation.soft
        budget = soft + (allocation.budgets - soft).detach()
        octaves = (budget / self._low).log2() / max(1e-6, torch.tensor(self._high / self._low).log2().item())
        gate = allocation.relevance / allocation.relevance.mean(1, keepdim=True)
        features = torch.stack((2 * octaves - 1, gate - 1), -1)
        found = self.output(F.gelu(self.input(features.to(self.input.weight.dtype)))).float()
        scale, shift = found.chunk(2, -1)
        return gate[..., None] * (1 + scale), shift
