"""Memory of what forward keeps for backward.

Counted in elements of one token in one block of width h whose matrices hold B parameters, with attention that never
writes its scores down (FlashAttention, arXiv 2205.14135), in the manner of Korthikanti et al. (arXiv 2205.05198,
section 4.1), who count 34 bytes times h of 16-bit elements, dropout masks among them, where the feed-forward layers are
4 h wide. Of a block with query, key, value and output of h, 2 k, h and gated layers of inner width i,
B / h = 2 h + 2 k + 3 i, and it keeps

- 4 h of the residual stream: what enters and what leaves both norms,
- h + 2 k of query, key and value, h of attention, 4 i of the gate, its activation, the other input and their product,
  which is 4/3 B / h but for terms that cancel for k = h and are below 1/3 h otherwise.

Selective recomputation keeps what enters the block and what its matrix products and attention give:
5 h + 2 k + 2 i, or 4 h + 2/3 B / h in the same way. Full recomputation keeps h, which enters the block. Both compute
the rest of one block at a time again. Compiled blocks keep less: this is an upper bound for them.

In a mixture of experts B counts what one token meets, and each of the c experts that it is sent to has a row of its
own: c h more enter their first matrices and c h leave their last, of which selective recomputation keeps the latter.

A tensor group divides all of it but 2 h, the outputs of the norms, which its ranks gather before matrices that are
divided by columns (sequence parallelism, arXiv 2205.05198, section 4.2.2). Ranks that share a sequence gather its keys
and values: 2 k of every token.
"""

from __future__ import annotations

from typing import Literal

from ml_contract.values import value_object
from ml_contract.workloads.base import ModelSize

LOSS_BYTES = 8
"""Of one score while its loss is computed: its log-probability, and the gradient of that, in float32."""


@value_object
class Kept:
    """Bytes of one micro-batch."""

    block: int
    """What a block keeps until its backward."""
    again: int
    """What is computed again for one block at a time."""


def of_block(
    size: ModelSize, *, tokens: int, tensor: int, context: int, compute_bytes: int, autocast: bool,
    recompute: Literal["none", "selective", "full"], stream_divided: bool = True,
) -> Kept:  # fmt: skip
    """Activations of the largest block.

    Args:
        size: Of the model; ``hidden`` is not 0.
        tokens: Of all samples of a micro-batch, before ranks share sequences.
        tensor: Ranks that divide matrices.
        context: Ranks that share a sequence.
        compute_bytes: Of an element of the compute format.
        autocast: Whether the residual stream stays float32 and matrix products cast their inputs, as under DDP.
        recompute: Mode of activation checkpointing.
        stream_divided: Whether ranks that divide matrices divide the residual stream, too.
    """
    stream = 4 if autocast else compute_bytes
    entry = size.hidden * stream / (tensor if stream_divided else 1)
    norms = 2 * entry + 2 * size.hidden * compute_bytes
    met = size.block_parameters - size.idle / size.blocks
    products = met * compute_bytes / size.hidden / tensor
    rows = size.chosen * size.hidden * compute_bytes / tensor
    gathered = 2 * (size.key_width or size.hidden) * compute_bytes / tensor * (context - 1)
    mine = tokens / context
    whole = mine * (norms + 4 / 3 * products + gathered + 2 * rows)
    selective = mine * (norms + 2 / 3 * products + gathered + rows)
    kept = {"none": whole, "selective": selective, "full": mine * entry}[recompute]
    return Kept(block=round(kept), again=round(whole - kept))


def of_scores(size: ModelSize, *, tokens: int, compute_bytes: int, chunk: int) -> int:
    """Bytes of the last layer's scores and their loss, as backward begins.

    Args:
        size: Of the model.
        tokens: That this rank scores.
        compute_bytes: Of a score.
        chunk: Tokens whose loss is computed at one time, from scores that are not float32 already; 0 for all.
    """
    if compute_bytes == 4:
        # Scores, log-probabilities and their gradient, which is the scores' too.
        return tokens * size.vocabulary * (compute_bytes + LOSS_BYTES)
    at_once = min(tokens, chunk or tokens)
    return size.vocabulary * (tokens * 2 * compute_bytes + at_once * LOSS_BYTES)
