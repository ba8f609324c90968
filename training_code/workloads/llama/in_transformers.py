"""Llama in the classes of transformers: LlamaForCausalLM, and with experts MixtralForCausalLM."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from ml_contract.errors import reject
from training_code.workloads.base import Workload
from training_code.workloads.counterpart import Counterpart
from training_code.workloads.llama.configuration import configuration
from training_code.workloads.llama.names import theirs

DRAWERS = 16
"""Threads that make initial weights at one time."""
_STACKED = {"gate_up_proj": ("w1", "w3"), "down_proj": ("w2",)}
"""What MixtralForCausalLM holds of all experts in one tensor since transformers 5, and its parts in the files."""


class LlamaInTransformers(Counterpart):
    """Built of the workload's options, with the workload's weights."""

    def __init__(self, workload: Workload[Any]) -> None:
        self.workload, self.options = workload, workload.options
        with torch.device("meta"):
            self._shapes = {name: value.shape for name, value in workload.build().named_parameters()}

    def build(self) -> nn.Module:
        import transformers

        told = configuration(self.options)
        # Parameters are float32, whatever the artifact's are.
        del told["torch_dtype"], told["architectures"]
        kind = "Mixtral" if self.options.experts else "Llama"
        settings = getattr(transformers, f"{kind}Config").from_dict({**told, "use_cache": False})
        built: nn.Module = getattr(transformers, f"{kind}ForCausalLM")(settings)
        return built

    def fill(self, model: nn.Module, seed: int) -> None:
        def initial(own: str) -> list[tuple[str, Tensor]]:
            parts = theirs(own, self.options)
            return [*zip(parts, self.workload.initial(own, self._shapes[own], seed).chunk(len(parts)), strict=True)]

        # The other ranks wait: one thread draws some 100 million numbers a second.
        with ThreadPoolExecutor(min(DRAWERS, os.cpu_count() or 1)) as pool:
            files = {name: value for found in pool.map(initial, self._shapes) for name, value in found}
        for name in [name for name, _ in model.named_parameters()]:
            parent, _, child = name.rpartition(".")
            value = files.pop(name) if name in files else self._stacked(name, files)
            model.get_submodule(parent).register_parameter(child, nn.Parameter(value.contiguous()))

    def _stacked(self, name: str, files: dict[str, Tensor]) -> Tensor:
        found = re.fullmatch(r"(model\.layers\.\d+)\.mlp\.(gate\.weight|experts\.(\w+))", name)
        assert found, name
        mixture, stacked = f"{found[1]}.block_sparse_moe", found[3]
        if stacked is None:
            return files.pop(f"{mixture}.gate.weight")
        return torch.stack([
            torch.cat([files.pop(f"{mixture}.experts.{expert}.{part}.weight") for part in _STACKED[stacked]])
            for expert in range(self.options.experts)
        ])  # fmt: skip

    def ours(self, whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: torch.cat([*self._parts(name, whole)]) for name in self._shapes}

    def _parts(self, name: str, whole: Mapping[str, Tensor]) -> Iterator[Tensor]:
        for found in theirs(name, self.options):
            if found not in whole:
                reject(found, sorted(whole)[:3], "the whole model must hold it by Hugging Face's name",
                       "Report it: the library of this image names parameters otherwise.")  # fmt: skip
            yield whole[found]

    def named(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        # Without a mask attention is causal.
        return {"input_ids": arguments[0], "attention_mask": None}

    def scores(self, outputs: Any) -> Tensor:
        logits: Tensor = outputs.logits
        classes = self.options.vocabulary
        if logits.shape[-1] != classes:
            reject("logits", tuple(logits.shape), f"every rank needs the scores of all {classes} tokens",
                   "Report it: the library of this image divides them.")  # fmt: skip
        return logits

    @property
    def balance(self) -> float | None:
        if not self.options.experts:
            return None
        # The workload's loss has the mean over blocks, and counts each of a token's choices.
        return float(self.options.router_loss * self.options.experts_per_token / self.options.layers)
