"""Hugging Face's files of a Llama or a Mixtral: config.json and safetensors, in one file or several with an index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ml_contract.errors import reject
from ml_contract.workloads.llama import Llama
from training_code.workloads.llama.configuration import CONFIG, compare, configuration
from training_code.workloads.llama.names import theirs

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD_BYTES = 5 * 10**9
"""Largest file of an export, but for a tensor that is larger: below what one request may upload to S3."""


class Pretrained:
    """A folder with config.json and safetensors, held against a shape when opened."""

    def __init__(self, folder: Path, options: Llama) -> None:
        """
        Raises:
            ContractError: A file is missing or cannot be read, or the model has another shape.
        """
        self._folder, self._options = folder, options
        compare(_json(folder / CONFIG), options)
        self._files = self._index()

    def _index(self) -> dict[str, str]:
        if (self._folder / INDEX).is_file():
            return {name: Path(file).name for name, file in _json(self._folder / INDEX)["weight_map"].items()}
        if not (self._folder / WEIGHTS).is_file():
            reject(str(self._folder), None, f"it must hold {WEIGHTS} or {INDEX}",
                   "Download the model's *.safetensors into the channel.")  # fmt: skip
        with _opened(self._folder / WEIGHTS) as file:
            return dict.fromkeys(file.keys(), WEIGHTS)

    def read(self, name: str, shape: torch.Size) -> Tensor:
        """One whole parameter by this project's name, float32 on the CPU.

        Raises:
            ContractError: It is missing, has another shape, or its file is missing or damaged.
        """
        names = theirs(name, self._options)
        pieces = [self._piece(wanted, shape[0] // len(names), *shape[1:]) for wanted in names]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _piece(self, wanted: str, *shape: int) -> Tensor:
        if wanted not in self._files:
            reject(wanted, None, f"{self._folder} must hold every parameter of the model",
                   "Copy all files of the model, or give the workload that model's shape.")  # fmt: skip
        with _opened(self._folder / self._files[wanted]) as file:
            if wanted not in file.keys():  # noqa: SIM118  (no mapping)
                reject(wanted, None, f"the index says that {self._files[wanted]} holds it", "Copy the model again.")
            value: Tensor = file.get_tensor(wanted)
        if value.shape != shape:
            reject(wanted, tuple(value.shape), f"this workload's shape makes it {shape}",
                   "Give the workload the shape of the model's config.json.")  # fmt: skip
        return value.to(torch.float32)


def write(
    folder: Path,
    options: Llama,
    weights: Mapping[str, Tensor],
    *,
    end_token: int | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write config.json and safetensors that transformers and model servers load.

    Args:
        folder: Exists.
        options: The shape, and the number format of the files.
        weights: All parameters, whole and on the CPU, by this project's names.
        end_token: Number of the token that ends a text; None where there is none.
        shard_bytes: Largest file; more than one get an index.
    """
    from safetensors.torch import save_file

    (folder / CONFIG).write_text(json.dumps(configuration(options, end_token=end_token), indent=1) + "\n")
    dtype = torch.bfloat16 if options.export_dtype == "bfloat16" else torch.float32
    groups: list[dict[str, Tensor]] = [{}]
    filled = total = 0
    for name, piece in _pieces(options, weights):
        size = piece.numel() * dtype.itemsize
        if groups[-1] and filled + size > shard_bytes:
            groups.append({})
            filled = 0
        groups[-1][name] = piece
        filled, total = filled + size, total + size
    placed: dict[str, str] = {}
    for number, group in enumerate(groups, 1):
        file = WEIGHTS if len(groups) == 1 else f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        # One file's worth of converted copies at a time.
        content = {name: piece.to(dtype).contiguous() for name, piece in group.items()}
        save_file(content, folder / file, metadata={"format": "pt"})
        placed |= dict.fromkeys(content, file)
    if len(groups) > 1:
        index = {"metadata": {"total_size": total}, "weight_map": placed}
        (folder / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")


def _pieces(options: Llama, weights: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Parameters by Hugging Face's names: parts of this project's, which share their memory."""
    for name, value in weights.items():
        names = theirs(name, options)
        yield from zip(names, value.chunk(len(names)), strict=True)


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise TypeError(f"{type(found).__name__}, not an object")
    except (OSError, ValueError, TypeError) as error:
        reject(str(path), f"{type(error).__name__}: {error}", "a pretrained model comes with it, as JSON",
               "Copy all files of the model into the channel.")  # fmt: skip
    return found


def _opened(path: Path) -> Any:
    # Here, so that the model can be built and trained where the package is missing.
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        reject(str(path), f"{type(error).__name__}: {error}", "it must be a whole safetensors file",
               "Copy the model again.")  # fmt: skip
