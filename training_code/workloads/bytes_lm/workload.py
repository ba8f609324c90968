"""The byte-level language model as a workload."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml_contract.manifest import ArtifactManifest
from ml_contract.workloads import BytesLm
from training_code.data.source import Source
from training_code.data.tokens import TokenShards
from training_code.data.windows import Windows
from training_code.parallel.tensor import transformer_plan
from training_code.parallel.weights import normal
from training_code.workloads.base import Trained, Workload
from training_code.workloads.bytes_lm.export import portable
from training_code.workloads.bytes_lm.model import ByteTransformer, next_byte_loss

SCORES_STD = 0.02
"""Small, so that the first prediction is near uniform: a loss of ln 256."""


class BytesLmWorkload(Workload[BytesLm]):
    """Bytes in, the next byte out."""

    def build(self) -> ByteTransformer:
        return ByteTransformer(self.options)

    def initial(self, name: str, shape: torch.Size, seed: int) -> Tensor:
        if len(shape) == 1:
            return torch.ones(shape, dtype=torch.float32)
        std = 1.0
        if name.startswith("scores."):
            std = SCORES_STD
        elif not name.startswith("embedding."):
            std = 1 / math.sqrt(shape[-1])
        if name.endswith(".output.weight"):
            # What each layer adds to the residual stream shrinks with their number (GPT-2).
            std /= math.sqrt(2 * self.options.layers)
        return normal(shape, std, seed=seed, name=name)

    def blocks(self, model: nn.Module) -> Mapping[str, nn.Module]:
        blocks = model.get_submodule("blocks")
        return {f"blocks.{name}": block for name, block in blocks.named_children()}

    def open(self, source: Source, *, verify: bool) -> Windows:
        return Windows(TokenShards.open(source, verify=verify), self.options.sequence_length)

    def split(self, batch: Tensor) -> tuple[tuple[Tensor], Tensor]:
        tokens = batch.to(torch.int64)
        return (tokens[:, :-1],), tokens[:, 1:]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return next_byte_loss(outputs, targets)

    def tensor_plan(self, model: nn.Module) -> Mapping[str, Any]:
        return transformer_plan(model, self.blocks(model))

    def part(self, model: nn.Module, names: Sequence[str], *, first: bool, last: bool) -> nn.Module:
        assert isinstance(model, ByteTransformer)
        for name in [*self.blocks(model)]:
            if name not in names:
                del model.blocks[name.removeprefix("blocks.")]
        if not first:
            model.embedding = None
        if not last:
            model.norm = model.scores = None
        return model

    def export(self, folder: Path, trained: Trained) -> ArtifactManifest:
        return portable(self.options).write(folder, ByteTransformer(self.options), trained)


WORKLOAD = BytesLmWorkload
