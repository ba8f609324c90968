"""Whether the memory of every node suffices, known before the first step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.planner import WriteItem

from ml_contract.errors import reject
from training_code.checkpoint.collective import Ranks
from training_code.checkpoint.memory.nodes import Nodes
from training_code.checkpoint.memory.place import FIELD
from training_code.checkpoint.options import MEBIBYTE
from training_code.checkpoint.state import OptimizerState, Stateful, materialize

ITEM_BYTES = 2048
"""What torch writes around a tensor; about 1.2 KiB with torch 2.12."""
RANK_BYTES = MEBIBYTE
"""Of a rank's own state and documents."""


def written(state: Mapping[str, Stateful], ranks: Ranks) -> list[int]:
    """Bytes that each rank would write, by rank: as torch divides what several ranks hold alike. Collective."""
    fresh = [item for item in state.values() if isinstance(item, OptimizerState) and not item.optimizer.state]
    sharded = materialize(state).sharded
    planner = DefaultSavePlanner()
    planner.set_up_planner(sharded, None, is_coordinator=ranks.rank == 0)
    plans = ranks.gathered(planner.create_local_plan())
    sizes = ranks.first(lambda: [
        RANK_BYTES + sum(map(_size, plan.items)) for plan in planner.create_global_plan(plans)[0]
    ])  # fmt: skip
    for item in fresh:
        # torch takes a step with rate 0 to know what an optimizer holds: a run would begin with its second.
        item.optimizer.state.clear()
    return sizes


def _size(item: WriteItem) -> int:
    if item.tensor_data is None:
        return ITEM_BYTES
    count = torch.Size(item.tensor_data.chunk.sizes).numel()
    return ITEM_BYTES + count * item.tensor_data.properties.dtype.itemsize


def admit(sizes: list[int], room: list[int], nodes: Nodes, *, copies: int, keep: int) -> None:
    """Hold what a run wants to keep against what nodes have.

    Args:
        sizes: Bytes that each rank writes.
        room: Bytes that each rank's node has for commits.
        nodes: Which rank is where.
        copies: On further nodes.
        keep: Commits that are there at a time.

    Raises:
        ContractError: A node has less.
    """
    for node, size in enumerate(nodes.needed(sizes, copies)):
        has = room[nodes.leader(node)]
        if size * keep > has:
            reject(
                f"{FIELD}.budget_mib", has // MEBIBYTE,
                f"a commit takes {size / MEBIBYTE:.1f} MiB of a node with {copies} copies of others, and {keep} are"
                f" kept: {-(-size * keep // MEBIBYTE)} MiB",
                f"Give at least {-(-size * keep // MEBIBYTE)}, or lower copies"
                + (" or keep." if keep > 2 else ", or leave memory out."),
            )  # fmt: skip
