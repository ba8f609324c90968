"""The language model as a graph can hold it: the same numbers, in shapes that do not depend on what is seen.

Training cuts crops of as many sizes as there are budgets, and its sequences are as long as an image's tokens. A graph's
shapes cannot follow values. Here every patch has room for the largest budget, of which the tower's attention sees the
patch's own tokens alone; what is seen is then moved together, so that the decoder gets a sequence of the total budget,
with fill where less is used. Fill stands at the right of a causal sequence: no token before it knows of it.

The price is a tower that computes ``patches * budget_high`` tokens, up to ``patches * budget_high / budget_total``
times as many as training does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.vision_utils import get_vision_interpolation_indices_and_weights

from ml_contract.workloads.arr_coc import Relevance
from ml_contract.workloads.qwen3_vl import MERGE, TOKEN_PIXELS
from training_code.workloads.arr_coc import patches
from training_code.workloads.arr_coc.allocation import Allocation, allocate
from training_code.workloads.arr_coc.model import LanguageModel


class FixedLanguageModel(nn.Module):
    """What :class:`LanguageModel` computes, with its weights; for answers alone."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model, self.relevance = model, model.options.relevance
        low, self.side = math.isqrt(self.relevance.budget_low), math.isqrt(self.relevance.budget_high)
        self.smallest = low
        sides = range(low, self.side + 1)
        self.scaling = nn.Buffer(torch.stack([_scaling(side, self.side, self.relevance) for side in sides]))
        with torch.no_grad():
            self.places = nn.Buffer(torch.stack([self._places(side) for side in sides]))
        grid = torch.arange(MERGE * self.side)
        pairs = torch.stack(torch.meshgrid(grid, grid, indexing="ij"))
        self.turns = nn.Buffer(_merged(pairs[..., None], self.side).flatten(1).T.float())

    def forward(self, canvas: Tensor, relevance: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [batch, text_length, vocabulary] and budgets, int64 [batch, K]; arguments as :class:`LanguageModel`
        has them."""
        allocation = allocate(relevance, self.relevance)
        seen = self._tower(self._rows(canvas, allocation), allocation)
        scale, shift = (part[:, :, None] for part in self.model.adapter(allocation))
        visible = [seen[0] * scale + shift, *(features * scale for features in seen[1:])]
        tokens, places = self._together(visible, allocation)
        logits = self._read(tokens, places, allocation.budgets.sum(1), text)
        return logits, allocation.budgets

    def _rows(self, canvas: Tensor, allocation: Allocation) -> Tensor:
        """Rows of :func:`patches.cut` for crops with room for the largest, [batch * K, 4 * side^2, 1536]."""
        options, batch = self.relevance, canvas.shape[0]
        window = torch.arange(options.window * (options.side // options.grid), device=canvas.device)
        tops = patches.corners(allocation.cells, options)[..., None] + window
        index = tops[:, :, 0, :, None] * options.side + tops[:, :, 1, None, :]
        pixels = canvas.flatten(2)[:, :, None].expand(-1, -1, options.patches, -1)
        crops = pixels.gather(3, index.flatten(2)[:, None].expand(-1, 3, -1, -1))
        crops = crops.view(batch, 3, options.patches, len(window), len(window)).transpose(1, 2)
        scaling = self.scaling[allocation.sides - self.smallest][:, :, None]
        scaled = scaling @ (crops.float() / 127.5 - 1) @ scaling.transpose(-1, -2)
        return patches.cut(scaled.flatten(0, 1), self.side)

    def _tower(self, rows: Tensor, allocation: Allocation) -> list[Tensor]:
        """What the tower gives, and its features for the decoder's first layers, [batch, K, side^2, hidden] each."""
        tower, sides = self.model.base.visual, allocation.sides.flatten()
        embedding = tower.patch_embed.proj
        hidden = F.linear(rows, embedding.weight.flatten(1), embedding.bias)
        hidden = hidden + self.places[sides - self.smallest]
        cosine, sine = tower.rotary_pos_emb(hidden, self.turns)
        place = torch.arange(self.side, device=rows.device)
        inside = place < sides[:, None]
        tokens = (inside[:, :, None] & inside[:, None, :]).flatten(1)
        mask = tokens[:, :, None].expand(-1, -1, MERGE**2).flatten(1)[:, None, None]
        # The same for every query, which ONNX Runtime's attention wants to be told for each.
        mask = mask.expand(-1, -1, mask.shape[-1], -1)
        found = []
        for number, block in enumerate(tower.blocks):
            hidden = hidden + _attend(block.attn, block.norm1(hidden), cosine, sine, mask)
            hidden = hidden + block.mlp(block.norm2(hidden))
            if number in tower.deepstack_visual_indexes:
                merger = tower.deepstack_merger_list[tower.deepstack_visual_indexes.index(number)]
                found.append(self._patchwise(merger(hidden), allocation))
        return [self._patchwise(tower.merger(hidden), allocation), *found]

    def _patchwise(self, tokens: Tensor, allocation: Allocation) -> Tensor:
        return tokens.view(allocation.sides.shape[0], self.relevance.patches, self.side**2, -1)

    def _together(self, visible: Sequence[Tensor], allocation: Allocation) -> tuple[list[Tensor], Tensor]:
        """Tokens of all patches one after the other, [batch, budget_total, hidden], and where they lie on the canvas,
        [batch, budget_total, 2]. What stands behind the last one means nothing."""
        options, sides = self.relevance, allocation.sides
        counts = allocation.budgets
        ends = counts.cumsum(1)
        index = torch.arange(options.budget_total, device=sides.device)
        patch = (index[:, None] >= ends[:, None]).sum(2).clamp(max=options.patches - 1)
        inner = (index - (ends - counts).gather(1, patch)).clamp(max=self.side**2 - 1)
        side = sides.gather(1, patch)
        row, column = (inner // side).clamp(max=self.side - 1), inner % side
        chosen = (patch * self.side + row) * self.side + column
        tokens = [part.flatten(1, 2).gather(1, chosen[..., None].expand(-1, -1, part.shape[-1])) for part in visible]
        window = options.window * (options.side // options.grid)
        tops = patches.corners(allocation.cells, options).gather(1, patch[..., None].expand(-1, -1, 2))
        centres = tops + (torch.stack((row, column), -1) + 0.5) * (window / side[..., None])
        return tokens, centres / TOKEN_PIXELS - 0.5

    def _read(self, visible: Sequence[Tensor], places: Tensor, counts: Tensor, text: Tensor) -> Tensor:
        """Logits. See :meth:`LanguageModel.read`, whose sequences end with the text of the longest sample."""
        options, decoder = self.model.options, self.model.base.language_model
        length, total = options.text_length, self.relevance.budget_total
        starts = counts + 2
        column = torch.arange(total + 2 + length, device=text.device)
        seen = ((column >= 1) & (column < (counts + 1)[:, None]))[..., None]
        offset = column - starts[:, None]
        written = text.gather(1, offset.clamp(0, length - 1))
        ids = torch.where((offset >= 0) & (offset < length), written, options.text_end)
        ids = torch.where(column == (counts + 1)[:, None], options.image_end, ids)
        ids = torch.where(column == 0, options.image_start, ids)
        padded = [F.pad(part, (0, 0, 1, 1 + length)) for part in visible]
        hidden = torch.where(seen, padded[0], decoder.embed_tokens(ids))

        extent = self.relevance.side // TOKEN_PIXELS
        plain = (1 + extent + column - (starts - 1)[:, None]).clamp(min=0).float()
        spread = torch.where(seen, 1 + F.pad(places, (0, 0, 1, 1 + length)), plain[..., None])
        still = torch.where(seen[..., 0], 1.0, plain)
        positions = torch.stack((still, spread[..., 0], spread[..., 1]))
        angles = decoder.rotary_emb(hidden, positions)
        for number, layer in enumerate(decoder.layers):
            hidden = layer(hidden, position_embeddings=angles)
            if number + 1 < len(padded):
                hidden = hidden + torch.where(seen, padded[number + 1], 0.0)
        index = (starts - 1)[:, None] + torch.arange(length, device=text.device)
        hidden = decoder.norm(hidden.gather(1, index[..., None].expand(-1, -1, hidden.shape[-1])))
        if options.language.tied:
            return F.linear(hidden, decoder.embed_tokens.weight)
        return self.model.scores(hidden)

    def _places(self, side: int) -> Tensor:
        """The tower's learned embedding of places, for a crop of ``side * side`` tokens in the room of the largest."""
        tower, count = self.model.base.visual, MERGE * side
        index, weights = get_vision_interpolation_indices_and_weights(
            torch.tensor([[1, count, count]]), num_grid_per_side=tower.num_grid_per_side,
            mode=tower.interpolation_mode, align_corners=tower.interpolation_align_corners,
            spatial_merge_size=MERGE, kwargs={},
        )  # fmt: skip
        found = (tower.pos_embed(index) * weights[:, :, None]).sum(1)
        room = found.new_zeros(self.side, self.side, MERGE**2, found.shape[-1])
        room[:side, :side] = found.view(side, side, MERGE**2, -1)
        return room.flatten(0, 2)


def _scaling(side: int, largest: int, options: Relevance) -> Tensor:
    """The matrix by which training scales the rows of a window to ``side`` tokens, float32 [32 largest, window]."""
    window = options.window * (options.side // options.grid)
    size = (side * TOKEN_PIXELS, window)
    found = F.interpolate(torch.eye(window)[None, None], size, mode="bilinear", antialias=True, align_corners=False)
    return F.pad(found[0, 0], (0, 0, 0, (largest - side) * TOKEN_PIXELS))


def _merged(grid: Tensor, side: int) -> Tensor:
    """[n, 2 side, 2 side, 1] to [n, side^2, 4]: the four vision patches of a token follow each other."""
    return grid.view(len(grid), side, MERGE, side, MERGE).transpose(2, 3).flatten(3).flatten(1, 2)


def _attend(attention: Any, hidden: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
    """Attention of the tower within each crop, [crops, patches, hidden]; ``mask`` says which patches there are."""
    query, key, value = (
        part.transpose(1, 2) for part in attention.qkv(hidden).unflatten(-1, (3, attention.num_heads, -1)).unbind(2)
    )
    mixed = F.scaled_dot_product_attention(
        _rotated(query, cosine, sine), _rotated(key, cosine, sine), value, attn_mask=mask
    )  # fmt: skip
    return attention.proj(mixed.transpose(1, 2).flatten(2))


def _rotated(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    low, high = vectors.chunk(2, dim=-1)
    return vectors * cosine + torch.cat((-high, low), dim=-1) * sine
