"""arr-coc-0-1: a vision-language model whose image tokens are allotted by relevance."""

from __future__ import annotations

from dataclasses import dataclass

from ml_contract.workloads.base import ModelSize, WorkloadOptions

NAME = "arr_coc"


@dataclass(frozen=True, kw_only=True)
class ArrCoc(WorkloadOptions):
    """The model and its samples."""

    kind = NAME
    modules = ("numpy", "PIL", "safetensors", "torchdata", "transformers")

    @property
    def size(self) -> ModelSize:
        raise NotImplementedError
