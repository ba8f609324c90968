"""A base to start from: Qwen3-VL's safetensors, as Hugging Face lays them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ml_contract.errors import reject

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
_NAMES = {"language.base.": "model.", "language.scores.": "lm_head."}
"""Start of a parameter's name here, and there. What starts otherwise is new."""


def theirs(name: str) -> str | None:
    """A parameter's name in the published model; None for the heads, which are not in it."""
    for start, other in _NAMES.items():
        if name.startswith(start):
            return other + name.removeprefix(start)
    return None


class Pretrained:
    """A folder with safetensors, in one file or in several with an index."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            ContractError: There are none, or the index is damaged.
        """
        self.folder = folder
        self._files = self._index()

    def _index(self) -> dict[str, str]:
        path = self.folder / INDEX
        if not path.is_file():
            with _opened(self.folder / WEIGHTS) as file:
                return dict.fromkeys(file.keys(), WEIGHTS)
        try:
            return {str(name): Path(file).name for name, file in json.loads(path.read_text())["weight_map"].items()}
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            reject(str(path), f"{type(error).__name__}: {error}", "it says which file holds which parameter",
                   "Copy all files of the model into the channel.")  # fmt: skip

    def read(self, name: str, shape: torch.Size) -> Tensor:
        """One whole parameter by its published name, float32 on the CPU.

        Raises:
            ContractError: It is missing, has another shape, or its file is missing or damaged.
        """
        if name not in self._files:
            reject(name, None, f"{self.folder} must hold every parameter of the base",
                   "Copy all files of the model, or give the workload that model's shape.")  # fmt: skip
        with _opened(self.folder / self._files[name]) as file:
            try:
                value: Tensor = file.get_tensor(name)
            except SafetensorError as error:
                reject(name, str(error), f"the index says that {self._files[name]} holds it", "Copy the model again.")
        if value.shape != shape:
            reject(name, tuple(value.shape), f"this workload's shape makes it {tuple(shape)}",
                   "Give the workload the shape of the model's config.json.")  # fmt: skip
        return value.to(torch.float32)


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        reject(str(path), f"{type(error).__name__}: {error}", "it must be a whole safetensors file",
               "Copy the model's *.safetensors into the channel.")  # fmt: skip
