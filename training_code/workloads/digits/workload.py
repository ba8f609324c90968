"""The classifier of digits as a workload."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml_contract import metrics
from ml_contract.manifest import ArtifactManifest
from ml_contract.metrics import Metric
from ml_contract.workloads import Digits
from ml_contract.workloads.digits import SIDE
from training_code.data.source import Source
from training_code.parallel.weights import normal
from training_code.workloads.base import Trained, Workload
from training_code.workloads.digits.data import PIXELS, Images
from training_code.workloads.digits.export import portable
from training_code.workloads.digits.model import DigitsModel

SCORES_STD = 0.02
"""Small, so that the first prediction is near uniform: a loss of ln 10."""


class DigitsWorkload(Workload[Digits]):
    """An image in, its digit out."""

    def build(self) -> DigitsModel:
        return DigitsModel(self.options)

    def initial(self, name: str, shape: torch.Size, seed: int) -> Tensor:
        if name.endswith(".bias"):
            return torch.zeros(shape, dtype=torch.float32)
        # Keeps the variance through layers whose negative half is cut off (arXiv 1502.01852).
        std = SCORES_STD if ".scores." in name else math.sqrt(2 / math.prod(shape[1:]))
        return normal(shape, std, seed=seed, name=name)

    def blocks(self, model: nn.Module) -> Mapping[str, nn.Module]:
        return {"layers": model.get_submodule("layers")}

    def open(self, source: Source, *, verify: bool) -> Images:
        return Images(source, verify=verify)

    def split(self, batch: Tensor) -> tuple[tuple[Tensor], Tensor]:
        return (batch[:, :PIXELS].reshape(-1, SIDE, SIDE),), batch[:, PIXELS].to(torch.int64)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs.float(), targets)

    def figures(self, outputs: Tensor, targets: Tensor, /) -> dict[Metric, float]:
        return {metrics.ACCURACY: float((outputs.argmax(1) == targets).float().mean())}

    def export(self, folder: Path, trained: Trained) -> ArtifactManifest:
        return portable().write(folder, DigitsModel(self.options), trained)


WORKLOAD = DigitsWorkload
