"""Llama as a workload."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml_contract.manifest import ArtifactManifest
from ml_contract.metrics import ROUTER_UNEVENNESS, Metric
from ml_contract.paths import ContainerPaths
from ml_contract.workloads import Llama
from training_code.data.source import Source
from training_code.data.tokens import TokenShards
from training_code.data.windows import Windows
from training_code.parallel.tensor import transformer_plan
from training_code.parallel.weights import normal
from training_code.workloads.base import Trained, Workload
from training_code.workloads.llama import export
from training_code.workloads.llama.data import open_tokens
from training_code.workloads.llama.huggingface import Pretrained
from training_code.workloads.llama.in_transformers import LlamaInTransformers
from training_code.workloads.llama.loss import cross_entropy
from training_code.workloads.llama.model import LlamaModel

SCORES_STD = 0.02
"""Small, so that the first prediction is near uniform: a loss of ln vocabulary."""


class LlamaWorkload(Workload[Llama]):
    """Tokens in, the next token out."""

    data: TokenShards | None = None
    """The split that was opened last; its tokenizer goes into the artifact."""

    def build(self) -> LlamaModel:
        return LlamaModel(self.options)

    @cached_property
    def pretrained(self) -> Pretrained | None:
        """The weights to start from; None where they are random."""
        if self.options.pretrained is None:
            return None
        paths = ContainerPaths.from_environment(os.environ)
        return Pretrained(paths.channel(self.options.pretrained), self.options)

    def initial(self, name: str, shape: torch.Size, seed: int) -> Tensor:
        if self.pretrained is not None:
            return self.pretrained.read(name, shape)
        if len(shape) == 1:
            return torch.ones(shape, dtype=torch.float32)
        return normal(shape, self.spread(name, shape), seed=seed, name=name)

    def spread(self, name: str, shape: torch.Size) -> float:
        """Standard deviation of a random matrix."""
        if name.startswith("scores.") or (name.startswith("embedding.") and self.options.tied):
            return SCORES_STD
        if name.startswith("embedding."):
            return 1.0
        # What each layer adds to the residual stream shrinks with their number (GPT-2).
        layers = self.options.layers if name.endswith((".output.weight", ".experts.output")) else 0.5
        return 1 / math.sqrt(shape[-1] * 2 * layers)

    def blocks(self, model: nn.Module) -> Mapping[str, nn.Module]:
        return {f"blocks.{name}": block for name, block in model.get_submodule("blocks").named_children()}

    def open(self, source: Source, *, verify: bool) -> Windows:
        self.data = open_tokens(source, self.options, verify=verify)
        return Windows(self.data, self.options.sequence_length)

    def split(self, batch: Tensor) -> tuple[tuple[Tensor], Tensor]:
        tokens = batch.to(torch.int64)
        return (tokens[:, :-1],), tokens[:, 1:]

    def loss(self, outputs: Tensor | tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
        """Cross-entropy; with experts, in nats too, what ``router_loss`` weighs: see :meth:`Mixture.unevenness`."""
        if not isinstance(outputs, tuple):
            return cross_entropy(outputs, targets)
        logits, unevenness = outputs
        # As transformers counts: each of a token's choices adds its share.
        weight = self.options.router_loss * self.options.experts_per_token
        return cross_entropy(logits, targets) + weight * unevenness.mean()

    def figures(self, outputs: Tensor | tuple[Tensor, Tensor], _targets: Tensor, /) -> dict[Metric, float]:
        return {ROUTER_UNEVENNESS: float(outputs[1].detach().mean())} if isinstance(outputs, tuple) else {}

    def tensor_plan(self, model: nn.Module) -> Mapping[str, Any]:
        return transformer_plan(model, self.blocks(model))

    def part(self, model: nn.Module, names: Sequence[str], *, first: bool, last: bool) -> nn.Module:
        assert isinstance(model, LlamaModel)
        for name in [*self.blocks(model)]:
            if name not in names:
                del model.blocks[name.removeprefix("blocks.")]
        if not first:
            model.embedding = None
        if not last:
            model.norm = model.scores = None
        return model

    def counterpart(self) -> LlamaInTransformers:
        return LlamaInTransformers(self)

    def export(self, folder: Path, trained: Trained) -> ArtifactManifest:
        return export.write(folder, self.options, trained, data=self.data)


WORKLOAD = LlamaWorkload
