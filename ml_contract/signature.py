"""Typed signatures of models: what goes in and comes out, by name, type and shape.

Data types as in Triton's model configuration and the KServe v2 protocol
(triton-inference-server/server, model_configuration.md, read 2026-11).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

from ml_contract.errors import reject
from ml_contract.values import value_object


class DType(StrEnum):
    """Element type, by its name in the KServe v2 protocol."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    BF16 = "BF16"
    FP32 = "FP32"
    FP64 = "FP64"
    STRING = "BYTES"

    @property
    def triton(self) -> str:
        """Name in config.pbtxt, for example ``TYPE_FP32``."""
        return "TYPE_" + self.name


@value_object
class Tensor:
    """One input or output."""

    name: str
    """Letters, digits and underscores, as graph and Triton configuration name it."""
    dtype: DType
    shape: tuple[int, ...]
    """Without the batch dimension; -1 stands for any length."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.name):
            reject("tensor.name", self.name, "a name has letters, digits and underscores", "Rename the tensor.")
        if not self.shape or any(size == 0 or size < -1 for size in self.shape):
            reject(
                f"tensor.{self.name}.shape",
                self.shape,
                "each dimension is positive, or -1 for any length",
                "Give at least one dimension, without the batch.",
            )

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype.value, "shape": list(self.shape)}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Tensor:
        try:
            return cls(name=raw["name"], dtype=DType(raw["dtype"]), shape=tuple(int(size) for size in raw["shape"]))
        except (KeyError, TypeError, ValueError) as error:
            reject("signature", raw, f"a tensor has name, dtype and shape ({error})", "Export the model again.")


@value_object
class ModelSignature:
    """What a model takes and gives. Every tensor has a batch dimension before its shape."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    max_batch_size: int
    """Largest batch that the exported graph was made for, from 1."""

    def __post_init__(self) -> None:
        for kind, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [tensor.name for tensor in tensors]
            if not names or len(set(names)) != len(names):
                reject(f"signature.{kind}", names, "there is at least one and no name twice", "Correct the signature.")
        if self.max_batch_size < 1:
            reject("signature.max_batch_size", self.max_batch_size, "it is at least 1", "Give 1 or more.")

    def to_json(self) -> dict[str, Any]:
        return {
            "inputs": [tensor.to_json() for tensor in self.inputs],
            "outputs": [tensor.to_json() for tensor in self.outputs],
            "max_batch_size": self.max_batch_size,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ModelSignature:
        try:
            return cls(
                inputs=tuple(Tensor.from_json(item) for item in raw["inputs"]),
                outputs=tuple(Tensor.from_json(item) for item in raw["outputs"]),
                max_batch_size=raw["max_batch_size"],
            )
        except (KeyError, TypeError) as error:
            reject("signature", raw, f"it has inputs, outputs and max_batch_size ({error})", "Export the model again.")
