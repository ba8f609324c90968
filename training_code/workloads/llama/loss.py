"""Cross-entropy over a large vocabulary, in float32, without a float32 copy of all logits."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ml_contract.workloads import Llama

CHUNK = Llama.loss_chunk
"""Positions whose logits are float32 at one time: with a vocabulary of 128,256 they take 1 GiB."""


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats, a float32 scalar.

    Args:
        logits: Of shape [batch, sequence, vocabulary], in any floating type.
        targets: int64 of shape [batch, sequence].
    """
    logits, targets = logits.flatten(0, 1), targets.flatten()
    if logits.dtype is torch.float32 or torch.compiler.is_compiling():
        # Nothing to save where logits are float32 already; and a compiler fuses the conversion by itself.
        return F.cross_entropy(logits.float(), targets)
    found: Tensor = _Chunked.apply(logits, targets)  # type: ignore[no-untyped-call]
    return found


class _Chunked(torch.autograd.Function):
    """Keeps the logits as they came and a normaliser a position, and computes the rest again in backward."""

    @staticmethod
    def forward(context: Any, logits: Tensor, targets: Tensor) -> Tensor:
        normalizers = torch.empty(len(targets), dtype=torch.float32, device=logits.device)
        total = torch.zeros((), dtype=torch.float32, device=logits.device)
        for start in range(0, len(targets), CHUNK):
            here = slice(start, start + CHUNK)
            part = logits[here].float()
            normalizers[here] = part.logsumexp(-1)
            total += (normalizers[here] - part.gather(-1, targets[here, None])[:, 0]).sum()
        context.save_for_backward(logits, targets, normalizers)
        return total / len(targets)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        logits, targets, normalizers = context.saved_tensors
        scale = gradients[0] / len(targets)
        found = torch.empty_like(logits)
        for start in range(0, len(targets), CHUNK):
            here = slice(start, start + CHUNK)
            part = (logits[here].float() - normalizers[here, None]).exp_()
            part.scatter_add_(-1, targets[here, None], part.new_full((len(part), 1), -1.0))
            found[here] = part.mul_(scale)
        return found, None
