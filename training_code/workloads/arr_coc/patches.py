"""Patches: crops of the canvas as the vision tower takes them, and where their tokens lie."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ml_contract.workloads.arr_coc import Relevance
from ml_contract.workloads.qwen3_vl import FRAMES, MERGE, PATCH, TOKEN_PIXELS
from training_code.workloads.arr_coc.allocation import Allocation


def corners(cells: Tensor, options: Relevance) -> Tensor:
    """Top left pixel of each cell's window, int64 [batch, K, 2] as (y, x): centred on the cell, inside the canvas."""
    cell = options.side // options.grid
    window = options.window * cell
    places = torch.stack((cells // options.grid, cells % options.grid), -1)
    return (places * cell + cell // 2 - window // 2).clamp(0, options.side - window)


@torch.no_grad()
def pixels(canvas: Tensor, allocation: Allocation, options: Relevance) -> tuple[Tensor, Tensor]:
    """Crops as the tower takes them.

    Args:
        canvas: uint8 [batch, 3, side, side].
        allocation: K patches of each image.
        options: Their geometry.

    Returns:
        Vision patches, float32 [4 * tokens, 3 * 2 * 16 * 16] in -1 … 1, for all patches of the batch one after the
        other; and their grids, int64 [batch * K, 3]: one moment, rows and columns of vision patches.
    """
    window = options.window * (options.side // options.grid)
    tops = corners(allocation.cells, options)
    windows = [
        image[:, y : y + window, x : x + window]
        for image, places in zip(canvas, tops.tolist(), strict=True)
        for y, x in places
    ]
    sides = allocation.sides.flatten().tolist()
    found: dict[int, Tensor] = {}
    # Crops of one size are scaled at once.
    for side in sorted(set(sides)):
        chosen = [index for index, other in enumerate(sides) if other == side]
        crops = torch.stack([windows[index] for index in chosen]).float() / 127.5 - 1
        scaled = F.interpolate(
            crops, (side * TOKEN_PIXELS,) * 2, mode="bilinear", antialias=True, align_corners=False
        )  # fmt: skip
        found |= dict(zip(chosen, cut(scaled, side), strict=True))
    count = MERGE * allocation.sides.flatten()
    return torch.cat([found[index] for index in range(len(sides))]), torch.stack((count // count, count, count), 1)


def cut(crops: Tensor, side: int) -> Tensor:
    """Crops [n, 3, 32 side, 32 side] as rows of Qwen3-VL's processor, [n, 4 side^2, 1536]: the four vision patches of
    a token follow each other, and a row holds colour, frame, y and x, a still image in both frames."""
    split = crops.view(crops.shape[0], 3, *(side, MERGE, PATCH) * 2)
    # [n, colour, Y, my, py, X, mx, px] to [n, Y, X, my, mx, colour, frame, py, px]
    rows = split.permute(0, 2, 5, 3, 6, 1, 4, 7)[:, :, :, :, :, :, None].expand(*(-1,) * 6, FRAMES, -1, -1)
    return rows.flatten(5).flatten(1, 4)


def places(allocation: Allocation, options: Relevance) -> Tensor:
    """Where each visual token lies on the canvas, in tokens of 32 pixels: float32 [all tokens, 2] as (y, x).

    A token of a crop that is shown larger than it is lies between those: rotary positions need not be whole. So tokens
    of the same place get the same position, whatever they magnify.
    """
    window = options.window * (options.side // options.grid)
    sides = allocation.sides.flatten()
    tops = corners(allocation.cells, options).flatten(0, 1)
    counts = sides.square()
    side = sides.repeat_interleave(counts)
    starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
    index = torch.arange(len(side), device=side.device) - starts
    inner = torch.stack((index // side, index % side), -1)
    centres = tops.repeat_interleave(counts, 0) + (inner + 0.5) * (window / side[:, None])
    return centres / TOKEN_PIXELS - 0.5
