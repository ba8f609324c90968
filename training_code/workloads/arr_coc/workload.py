"""arr-coc as a workload."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract import metrics
from ml_contract.manifest import ArtifactManifest
from ml_contract.metrics import Metric
from ml_contract.paths import ContainerPaths
from ml_contract.workloads.arr_coc import ArrCoc
from training_code.data.source import Source
from training_code.parallel.weights import normal
from training_code.workloads.arr_coc import export, qwen
from training_code.workloads.arr_coc.model import Answer, ArrCocModel
from training_code.workloads.arr_coc.pretrained import Pretrained, theirs
from training_code.workloads.arr_coc.samples import Questions
from training_code.workloads.arr_coc.text import FILE, Bytes, Text, Vocabulary
from training_code.workloads.base import Trained, Workload

BASE_STD = 0.02
"""Of all matrices of a base that is not pretrained, as transformers draws them (initializer_range)."""
_FOCUSED = 0.5
"""Where tensions stand at first, as logits: at 0.62, somewhat nearer to detail, exploitation and focus."""
_STILL = ("scorers.propositional.output", "scorers.perspectival.output", "opponent.", "language.adapter.output",
          "scorers.participatory.importance")  # fmt: skip
"""Layers that start at zero, so that measures, even tensions and unchanged tokens are where learning starts."""


class ArrCocWorkload(Workload[ArrCoc]):
    """An image and a question in, the answer out."""

    def build(self) -> ArrCocModel:
        return ArrCocModel(self.options)

    @cached_property
    def pretrained(self) -> Pretrained | None:
        """The base to start from; None where it is random."""
        return None if self.options.pretrained is None else Pretrained(_channel(self.options.pretrained))

    @cached_property
    def text(self) -> Text:
        """What makes tokens of text."""
        if self.options.tokenizer is None:
            return Bytes()
        return Vocabulary(_channel(self.options.tokenizer) / FILE, self.options.language.vocabulary)

    def initial(self, name: str, shape: torch.Size, seed: int) -> Tensor:
        published = theirs(name)
        if published is not None and self.pretrained is not None:
            return self.pretrained.read(published, shape)
        if name == "opponent.tensions.bias":
            return torch.full(shape, _FOCUSED)
        if name.startswith(_STILL) or name.endswith(".bias"):
            return torch.zeros(shape)
        if len(shape) == 1:
            return torch.ones(shape)  # scales of norms
        if published is not None:
            return normal(shape, BASE_STD, seed=seed, name=name)
        std = 1.0 if "embedding" in name else 1 / math.sqrt(math.prod(shape[1:]))
        return normal(shape, std, seed=seed, name=name)

    def reset(self, model: nn.Module) -> None:
        qwen.reset(model)

    def blocks(self, model: nn.Module) -> Mapping[str, nn.Module]:
        stacks = ("language.base.visual.blocks", "language.base.language_model.layers")
        return {
            f"{stack}.{name}": block for stack in stacks for name, block in model.get_submodule(stack).named_children()
        }

    def before_step(self, model: nn.Module, done: int, steps: int) -> None:
        """Hold the base still for the first steps: then it has no gradients, and the optimiser leaves it alone."""
        learns = done >= self.options.head_steps(steps)
        for name, parameter in model.named_parameters():
            if theirs(name.removeprefix("module.")) is not None:
                parameter.requires_grad_(learns)

    def open(self, source: Source, *, verify: bool) -> Questions:
        return Questions(source, self.options, self.text, verify=verify)

    def split(self, batch: Mapping[str, Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        arguments = batch["canvas"], batch["text"], batch["question"]
        return arguments, (batch["text"], batch["question"], batch["length"])

    def loss(self, outputs: Answer, targets: tuple[Tensor, ...]) -> Tensor:
        """Cross-entropy of the answer's tokens and its end, nats a token: the mean of each sample's own mean."""
        text, answered = targets[0], answers(*targets)
        nats = F.cross_entropy(outputs.logits.float().transpose(1, 2), text, reduction="none")
        return ((nats * answered).sum(1) / answered.sum(1)).mean()

    def figures(self, outputs: Answer, targets: tuple[Tensor, ...], /) -> dict[Metric, float]:
        return {
            metrics.ACCURACY: float(correct(outputs, targets).float().mean()),
            metrics.VISUAL_TOKENS: float(outputs.budgets.sum(1).float().mean()),
        }

    def export(self, folder: Path, trained: Trained) -> ArtifactManifest:
        tokenizer = None if self.options.tokenizer is None else _channel(self.options.tokenizer) / FILE
        return export.write(folder, self.options, trained, tokenizer=tokenizer)


def answers(text: Tensor, question: Tensor, length: Tensor) -> Tensor:
    """Which tokens of ``text`` are the answer's, its end among them: bool [batch, text_length]."""
    place = torch.arange(text.shape[1], device=text.device)
    return (place >= question[:, None]) & (place < length[:, None])


def correct(outputs: Answer, targets: tuple[Any, ...]) -> Tensor:
    """Whether every token of the answer is the likeliest, given those before it: bool [batch]."""
    text, answered = targets[0], answers(*targets)
    return ((outputs.logits.argmax(-1) == text) | ~answered).all(1)


def _channel(name: str) -> Path:
    return ContainerPaths.from_environment(os.environ).channel(name)


WORKLOAD = ArrCocWorkload
