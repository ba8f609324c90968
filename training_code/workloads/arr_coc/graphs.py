"""The stages as portable graphs of any batch, each checked with what the stages before it make of one image."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ml_contract.signature import ModelSignature
from ml_contract.workloads.arr_coc import ArrCoc
from training_code.workloads.arr_coc.fixed import FixedLanguageModel
from training_code.workloads.arr_coc.model import ArrCocModel
from training_code.workloads.arr_coc.scorers import RelevanceScorers
from training_code.workloads.portable import Portable

BATCHES = (1, 2, 3)
"""Samples of the checks; the second is the example too."""
LARGE = 10**8
"""Parameters from which the last check is left out: a sample of the full size takes minutes on a CPU."""
ATTENTION_OPSET = 23
"""First version with an operator of attention: all weights of 25,666 tokens would be 42 GB for each layer."""


class ServedScorers(nn.Module):
    """The scorers with a question's length of shape [batch, 1], as served tensors have at least one dimension."""

    def __init__(self, scorers: RelevanceScorers) -> None:
        super().__init__()
        self.scorers = scorers

    def forward(self, texture: Tensor, text: Tensor, question_length: Tensor) -> Tensor:
        return self.scorers(texture, text, question_length[:, 0])


@torch.no_grad()
def portables(
    model: ArrCocModel, signatures: Mapping[str, ModelSignature], options: ArrCoc
) -> dict[str, tuple[nn.Module, Portable]]:
    """Each stage by its name, in the order in which they run: what is exported, and how.

    Args:
        model: On the CPU, float32, for answers.
        signatures: Of the stages.
        options: Of the model.
    """
    made = {
        "texture_extractor": model.texture, "relevance_scorers": ServedScorers(model.scorers),
        "opponent_processor": model.opponent, "language_model": FixedLanguageModel(model.language),
    }  # fmt: skip
    sizes = BATCHES[:-1] if options.size.parameters >= LARGE else BATCHES
    known = [request(size, options) for size in sizes]
    found = {}
    for stage, module in made.items():
        signature = signatures[stage]
        checks = [tuple(tensors[tensor.name] for tensor in signature.inputs) for tensors in known]
        found[stage] = module, Portable(
            signature=signature, example=checks[1], dynamic=({0: "batch"},) * len(checks[1]), checks=checks,
            **({"opset": ATTENTION_OPSET} if stage == "language_model" else {}),
        )  # fmt: skip
        for tensors, inputs in zip(known, checks, strict=True):
            outputs = module(*inputs)
            outputs = [outputs] if len(signature.outputs) == 1 else outputs
            tensors |= {tensor.name: value for tensor, value in zip(signature.outputs, outputs, strict=True)}
    return found


def request(size: int, options: ArrCoc) -> dict[str, Tensor]:
    """Images with coarse and fine structure, and questions of several lengths."""
    generator = torch.Generator().manual_seed(size)
    side, length = options.relevance.side, options.text_length
    coarse = torch.rand((size, 3, 8, 8), generator=generator)
    smooth = nn.functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=False)
    image = (255 * (0.8 * smooth + 0.2 * torch.rand((size, 3, side, side), generator=generator))).to(torch.uint8)
    return {
        "image": image,
        "text": torch.randint(0, min(256, options.language.vocabulary), (size, length), generator=generator),
        "question_length": torch.randint(1, length, (size, 1), generator=generator),
    }
