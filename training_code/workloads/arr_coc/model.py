"""The model: heads that decide where to look, and a Qwen3-VL that looks there."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract.workloads.arr_coc import ArrCoc
from ml_contract.workloads.qwen3_vl import TOKEN_PIXELS
from training_code.workloads.arr_coc import patches, qwen
from training_code.workloads.arr_coc.adapter import QualityAdapter
from training_code.workloads.arr_coc.allocation import Allocation, allocate
from training_code.workloads.arr_coc.opponent import OpponentProcessor
from training_code.workloads.arr_coc.scorers import RelevanceScorers
from training_code.workloads.arr_coc.texture import TextureExtractor


class Answer(NamedTuple):
    """What the model gives."""

    logits: Tensor
    """[batch, text_length, vocabulary]: at t, scores of text token t from the image and the tokens before t."""
    relevance: Tensor
    """float32 [batch, grid, grid] in 0 … 1."""
    budgets: Tensor
    """int64 [batch, K]: tokens of each patch, in reading order."""


class LanguageModel(nn.Module):
    """The last stage: canvas, relevance and text to scores. Qwen3-VL and the quality adapter."""

    def __init__(self, options: ArrCoc) -> None:
        super().__init__()
        self.options = options
        self.base = qwen.build(options)
        self.adapter = QualityAdapter(options.relevance, options.language.hidden)
        if not options.language.tied:
            self.scores = nn.Linear(options.language.hidden, options.language.vocabulary, bias=False)

    def forward(self, canvas: Tensor, relevance: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [batch, text_length, vocabulary] and budgets, int64 [batch, K].

        Args:
            canvas: uint8 [batch, 3, side, side].
            relevance: float32 [batch, grid, grid] in 0 … 1.
            text: Tokens, int64 [batch, text_length].
        """
        allocation = allocate(relevance, self.options.relevance)
        tokens, deep = self.see(canvas, allocation)
        hidden, starts = self.read(tokens, deep, allocation, text)
        # The token after the image predicts the first of the text, and each of the text the next.
        index = (starts - 1)[:, None] + torch.arange(text.shape[1], device=text.device)
        hidden = hidden.gather(1, index[..., None].expand(-1, -1, hidden.shape[-1]))
        if self.options.language.tied:
            logits = F.linear(hidden, self.base.language_model.embed_tokens.weight)
        else:
            logits = self.scores(hidden)
        return logits, allocation.budgets

    def see(self, canvas: Tensor, allocation: Allocation) -> tuple[Tensor, list[Tensor]]:
        """Visual tokens of all patches one after the other, [tokens, hidden], and the features that the language
        model's first layers get besides; all gated and adapted."""
        rows, grids = patches.pixels(canvas, allocation, self.options.relevance)
        seen = self.base.visual(rows, grid_thw=grids, return_dict=True)
        counts = allocation.budgets.flatten()
        scale, shift = (
            part.flatten(0, 1).repeat_interleave(counts, 0).to(seen.pooler_output.dtype)
            for part in self.adapter(allocation)
        )
        return seen.pooler_output * scale + shift, [features * scale for features in seen.deepstack_features]

    def read(self, tokens: Tensor, deep: list[Tensor], allocation: Allocation, text: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states [batch, longest, hidden], and where each sample's text starts, int64 [batch].

        Samples are start, image, end, text, and fill at the right, which no token before it attends to: the mask is
        causal and nothing else, so that attention needs no table of it.
        """
        options, device = self.options, text.device
        counts = allocation.budgets.sum(1)
        starts = counts + 2
        longest = int(starts.max()) + text.shape[1]
        column = torch.arange(longest, device=device)
        seen = (column >= 1) & (column < (counts + 1)[:, None])
        offset = column - starts[:, None]
        written = (offset >= 0) & (offset < text.shape[1])

        ids = torch.full((len(text), longest), options.text_end, dtype=torch.int64, device=device)
        ids[:, 0] = options.image_start
        ids.scatter_(1, (counts + 1)[:, None], options.image_end)
        ids = torch.where(written, text.gather(1, offset.clamp(0, text.shape[1] - 1)), ids)
        embedded = self.base.language_model.embed_tokens(ids)
        embedded = embedded.masked_scatter(seen[..., None], tokens.to(embedded.dtype))

        # The image takes as many positions as the canvas has tokens a side, as an image does in Qwen3-VL.
        extent = options.relevance.side // TOKEN_PIXELS
        positions = (1 + extent + column - (starts - 1)[:, None]).clamp(min=0).float().expand(3, -1, -1).clone()
        positions[0, seen] = 1.0
        positions[1:, seen] = 1 + patches.places(allocation, options.relevance).T
        found = self.base.language_model(
            inputs_embeds=embedded, position_ids=positions, visual_pos_masks=seen, deepstack_visual_embeds=deep,
            use_cache=False, return_dict=True,
        )  # fmt: skip
        return found.last_hidden_state, starts


class ArrCocModel(nn.Module):
    """All stages, one after the other."""

    def __init__(self, options: ArrCoc) -> None:
        super().__init__()
        self.texture = TextureExtractor(options.relevance.texture_side)
        self.scorers = RelevanceScorers(options.relevance, options.language.vocabulary)
        self.opponent = OpponentProcessor()
        self.language = LanguageModel(options)

    def forward(self, canvas: Tensor, text: Tensor, question: Tensor, relevance: Tensor | None = None) -> Answer:
        """Answer a question about an image.

        Args:
            canvas: uint8 [batch, 3, side, side].
            text: Tokens of question and answer, int64 [batch, text_length].
            question: How many of them are the question, int64 [batch]: relevance sees no more.
            relevance: A map to use instead of the model's own, float32 [batch, grid, grid].
        """
        if relevance is None:
            relevance = self.opponent(self.scorers(self.texture(canvas), text, question))
        logits, budgets = self.language(canvas, relevance, text)
        return Answer(logits, relevance, budgets)

    @property
    def heads(self) -> tuple[nn.Module, ...]:
        """What is new: it learns from the first step."""
        return self.scorers, self.opponent, self.language.adapter
