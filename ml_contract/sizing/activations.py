"""Memory of what forward keeps for backward.

Counted in elements of one token in one block of width h whose matrices hold B parameters, with attention that never
writes its scores down (FlashAttention, arXiv 2205.14135), in the manner of Korthikanti et al. (arXiv 2205.05198,
section 4.1), who count 34 bytes times h of 16-bit elements, dropout masks among them, where the feed-forward layers are
4 h wide. Of a block with query, key, value and output of h, 2 k, h and gated layers of inner width i,
B / h = 2 h + 2 k + 3 i, and it keeps

- 4 h of the residual stream: what goes into and comes out of both norms, whole on every rank of a tensor group,
- h + 2 k of query, key and value, h of attention, 4 i of the gate, its activation, the other input and their product,
  which is 4/3 B / h but for terms that cancel for k = h and are below 1/3 h otherwise.

Selective recomputation keeps what enters the block and what its matrix products and attention give:
5 h + 2 k + 2 i, or 4 h + 2/3 B / h in the same way. Full recomputation keeps h, which enters the block. Both compute
the rest of one block at a time again. Compiled blocks keep less: this is an upper bound for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml_contract.workloads.base import ModelSize

LOGIT_BYTES = 12
"""Of one score at the beginning of backward: itself or its later gradient in the compute format, twice 2 bytes or once
4, its log-probability and the gradient of that in float32."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Bytes of one micro-batch."""

    block: int
    """What a block keeps until its backward."""
    again: int
    """What is computed again for one block at a time."""


def of_block(
    size: ModelSize, *, tokens: int, tensor: int, compute_bytes: int, autocast: bool,
    recompute: Literal["none", "selective", "full"],
) -> Kept:  # fmt: skip
    """Activations of the largest block.

    Args:
        size: Of the model; ``hidden`` is not 0.
        tokens: Of all samples of a micro-batch that this rank sees.
        tensor: Ranks that divide matrices; the residual stream is whole on each.
        compute_bytes: Of an element of the compute format.
        autocast: Whether the residual stream stays float32 and matrix products cast their inputs, as under DDP.
        recompute: Mode of activation checkpointing.
    """
    residual = 2 * size.hidden * (4 if autocast else compute_bytes) + 2 * size.hidden * compute_bytes
    products = size.block_parameters * compute_bytes / size.hidden / tensor
    whole = tokens * (residual + 4 / 3 * products)
    entry = tokens * size.hidden * (4 if autocast else compute_bytes)
    kept = {"none": whole, "selective": tokens * (residual + 2 / 3 * products), "full": entry}[recompute]
    return Kept(block=round(kept), again=round(whole - kept))


def of_scores(size: ModelSize, *, tokens: int, compute_bytes: int, outputs: int) -> int:
    """Bytes of the last layer's scores and their loss, where backward begins; ``outputs`` micro-batches keep theirs."""
    return tokens * size.vocabulary * (LOGIT_BYTES + (outputs - 1) * compute_bytes)
