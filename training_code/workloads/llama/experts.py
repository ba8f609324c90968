"""A mixture of experts in the place of a block's feed-forward layer, as in Mixtral (arXiv 2401.04088, section 2.1).

Each token runs through the experts that its router chose, and through no other: rows are sorted by expert, and each
expert multiplies its own. The shapes of parameters, and the calls by which ranks gather them, do not depend on what was
chosen, and an expert that no token was sent to has a gradient of zeros.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_reduce

from ml_contract.workloads.llama import Llama

CAPABILITY = (8, 0)
"""Of the first GPUs on which torch multiplies groups of rows (transformers 5.23, integrations/moe.py, read 2026-11)."""
ALIGNMENT = 16
"""Bytes that a row of a matrix is a multiple of, for groups (torch 2.13, ``grouped_mm``)."""


class Router(nn.Module):
    """Says which experts a token is sent to, and with which weights."""

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.chosen = options.experts_per_token
        # Not a linear layer: those may be replaced by float8's, and choices are made of small differences.
        self.weight = nn.Parameter(torch.empty(options.experts, options.hidden))

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of hidden [batch, sequence, hidden]: choose the most probable experts, whose weights add up to 1.

        Returns:
            Probabilities, float32 of [batch, sequence, experts]; experts chosen, int64 of [batch, sequence, chosen];
            their weights, float32 of that shape.
        """
        probabilities = F.linear(hidden, self.weight).float().softmax(-1)
        weights, chosen = probabilities.topk(self.chosen, dim=-1)
        return probabilities, chosen, weights / weights.sum(-1, keepdim=True)


class Experts(nn.Module):
    """SwiGLU layers (arXiv 2002.05202), one below the other in each of three matrices.

    Their first dimension is a multiple of any number of ranks that divides the widths, by which FSDP shards it.
    """

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.experts = options.experts
        self.gate = nn.Parameter(torch.empty(options.experts * options.intermediate, options.hidden))
        self.value = nn.Parameter(torch.empty(options.experts * options.intermediate, options.hidden))
        self.output = nn.Parameter(torch.empty(options.experts * options.hidden, options.intermediate))

    def forward(self, rows: Tensor, counts: Tensor) -> Tensor:
        """[rows, hidden] to the same shape.

        Args:
            rows: Sorted by expert.
            counts: Rows of each expert, int64 of [experts].
        """
        matrices = [matrix.view(self.experts, -1, matrix.shape[-1]) for matrix in (self.gate, self.value, self.output)]
        if torch.is_autocast_enabled(rows.device.type):
            # Which knows linear layers, and not products of groups.
            dtype = torch.get_autocast_dtype(rows.device.type)
            rows, matrices = rows.to(dtype), [matrix.to(dtype) for matrix in matrices]
        if grouped(rows, matrices):
            ends = counts.cumsum(0).to(torch.int32)
            gate, value, output = (matrix.transpose(-2, -1) for matrix in matrices)
            inner = F.silu(F.grouped_mm(rows, gate, offs=ends)) * F.grouped_mm(rows, value, offs=ends)
            return F.grouped_mm(inner, output, offs=ends)
        return one_by_one(rows, counts, matrices)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def one_by_one(rows: Tensor, counts: Tensor, matrices: list[Tensor]) -> Tensor:
    """:meth:`Experts.forward` expert by expert; a compiler would compile it anew for every number of rows."""
    parts = torch.split(rows, counts.tolist())
    return torch.cat([
        F.linear(F.silu(F.linear(part, gate)) * F.linear(part, value), output)
        for part, gate, value, output in zip(parts, *matrices, strict=True)
    ])  # fmt: skip


def grouped(rows: Tensor, matrices: list[Tensor]) -> bool:
    """Whether torch multiplies all groups in one call, without waiting for their sizes to be known on the host."""
    if not hasattr(F, "grouped_mm") or any(matrix.shape[-1] * matrix.itemsize % ALIGNMENT for matrix in matrices):
        return False
    if torch.compiler.is_compiling() and rows.dtype is not torch.bfloat16:
        return False  # inductor has it for bfloat16 alone
    return rows.device.type != "cuda" or torch.cuda.get_device_capability(rows.device) >= CAPABILITY


class Mixture(nn.Module):
    """Router and experts."""

    def __init__(self, options: Llama) -> None:
        super().__init__()
        self.router, self.experts = Router(options), Experts(options)
        self.sequence_group: torch.distributed.ProcessGroup | None = None
        """Ranks of which each has a part of every sequence; context parallelism sets it."""

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, sequence, hidden] to the same shape, and how unevenly experts were chosen, float32 of [batch]."""
        probabilities, chosen, weights = self.router(hidden)
        met = (chosen.flatten(1)[..., None] == torch.arange(probabilities.shape[-1], device=hidden.device)).sum(1)
        order = chosen.flatten().argsort(stable=True)
        copies = hidden[..., None, :].expand(*chosen.shape, -1).flatten(0, 2)
        given = self.experts(copies.index_select(0, order), met.sum(0))
        mixed = given.index_select(0, order.argsort()).unflatten(0, chosen.shape) * weights[..., None].to(given.dtype)
        return mixed.sum(-2), self.unevenness(probabilities, met)

    def unevenness(self, probabilities: Tensor, met: Tensor) -> Tensor:
        """The load-balancing loss of Switch Transformers (arXiv 2101.03961, equations 4 to 6), of each sample alone.

        E times the sum over experts e of f_e P_e, where f_e is the share of the sample's choices that fell on e, and
        P_e its mean probability: 1 where experts are chosen equally often, up to E / chosen where it is always the
        same. Over the sample, not the batch (DeepSeek-V3, arXiv 2412.19437, section 2.1.2): the mean over a step's
        samples then does not depend on how these are dealt out to micro-batches and ranks.

        Args:
            probabilities: float32 of [batch, sequence, experts].
            met: Choices by expert, int64 of [batch, experts]; no gradient flows through them.
        """
        shares = met / met.sum(-1, keepdim=True)
        if self.sequence_group is not None:
            # The rest is linear in probabilities: the mean over ranks is that of the whole sequence.
            shares = all_reduce(shares, "avg", self.sequence_group)
        return probabilities.shape[-1] * (shares * probabilities.mean(1)).sum(-1)
