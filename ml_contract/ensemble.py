"""Ensembles: models that hand tensors to each other, as one model to whoever asks.

What is refused here is refused when an ensemble is built. Triton itself finds part of it when it loads (ensemble
scheduler, triton-inference-server/server, docs/user_guide/ensemble_models.md, read 2026-11), and then names no way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ml_contract.errors import reject
from ml_contract.signature import ModelSignature, Tensor
from ml_contract.values import value_object


@value_object
class Step:
    """One model of an ensemble."""

    model: str
    """Its name, which is also its folder's in a model repository."""
    signature: ModelSignature
    """What it takes and gives."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Input to the ensemble's tensor that it takes; one that is not named takes the tensor of its own name."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Output to the tensor that it becomes; one that is not named becomes a tensor of its own name."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.model):
            reject("step.model", self.model, "a name has letters, digits and underscores", "Rename the model.")
        for kind, mapped, tensors in (("inputs", self.inputs, self.signature.inputs),
                                      ("outputs", self.outputs, self.signature.outputs)):  # fmt: skip
            known = [tensor.name for tensor in tensors]
            for name in mapped:
                if name not in known:
                    reject(f"{self.model}.{kind}", name, f"the model's {kind} are {', '.join(known)}", "Name one.")

    @property
    def taken(self) -> tuple[tuple[str, Tensor], ...]:
        """The ensemble's tensor and the model's input, for each input."""
        return tuple((self.inputs.get(tensor.name, tensor.name), tensor) for tensor in self.signature.inputs)

    @property
    def given(self) -> tuple[tuple[str, Tensor], ...]:
        """The ensemble's tensor and the model's output, for each output."""
        return tuple((self.outputs.get(tensor.name, tensor.name), tensor) for tensor in self.signature.outputs)

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model, "signature": self.signature.to_json(),
            "inputs": dict(self.inputs), "outputs": dict(self.outputs),
        }  # fmt: skip

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Step:
        """Raises ContractError where a field is missing or wrong."""
        try:
            return cls(model=raw["model"], signature=ModelSignature.from_json(raw["signature"]),
                       inputs=raw.get("inputs", {}), outputs=raw.get("outputs", {}))  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            reject("parts", raw, f"a part has model and signature ({error})", "Export the model again.")


@value_object
class Ensemble:
    """Steps in the order in which they run, and what all of them together take and give."""

    signature: ModelSignature
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            reject("steps", (), "an ensemble has at least one", "Give its models.")
        names = [step.model for step in self.steps]
        if len(set(names)) < len(names):
            reject("steps", names, "a model comes once", "Remove or rename the other.")
        known = self._wired()
        self._answered(known)
        for step in self.steps:
            if step.signature.max_batch_size < self.signature.max_batch_size:
                reject(f"{step.model}.max_batch_size", step.signature.max_batch_size,
                       f"the ensemble takes batches of {self.signature.max_batch_size}",
                       "Lower the ensemble's, or export the model for larger ones.")  # fmt: skip

    def _wired(self) -> dict[str, tuple[str, Tensor]]:
        """Every tensor by name, with who gives it."""
        known = {tensor.name: ("the ensemble's input", tensor) for tensor in self.signature.inputs}
        givers = {name: step.model for step in self.steps for name, _ in step.given}
        used = set[str]()
        for step in self.steps:
            for name, tensor in step.taken:
                field = f"{step.model}.{tensor.name}"
                if name not in known:
                    _unknown(field, name, givers, sorted(known))
                giver, source = known[name]
                _same(field, tensor, source, giver)
                used.add(name)
            for name, tensor in step.given:
                if name in known:
                    reject(f"{step.model}.{tensor.name}", name, f"a tensor of that name comes from {known[name][0]}",
                           "Give it another name in outputs.")  # fmt: skip
                known[name] = (step.model, tensor)
        used |= {tensor.name for tensor in self.signature.outputs}
        for name, (giver, _) in known.items():
            if name not in used:
                reject(f"{giver}.{name}", name, "nothing takes this tensor", "Take it in a step, or make it an output"
                       " of the ensemble, or leave it out of the signature.")  # fmt: skip
        return known

    def _answered(self, known: Mapping[str, tuple[str, Tensor]]) -> None:
        for tensor in self.signature.outputs:
            if tensor.name not in known:
                reject(f"outputs.{tensor.name}", tensor.name, "no step gives it",
                       f"The tensors are {', '.join(sorted(known))}.")  # fmt: skip
            giver, source = known[tensor.name]
            if giver == "the ensemble's input":
                reject(f"outputs.{tensor.name}", tensor.name, "it is an input, which no step changes",
                       "Leave it out of the outputs.")  # fmt: skip
            _same(f"outputs.{tensor.name}", tensor, source, giver)


def _unknown(field: str, name: str, givers: Mapping[str, str], known: list[str]) -> None:
    if name in givers:
        reject(field, name, f"{givers[name]} gives this tensor, and runs later or is this model: steps that wait for"
               " each other form a cycle", "Put the steps into the order in which tensors flow.")  # fmt: skip
    reject(field, name, "nothing gives this tensor", f"The tensors before this step are {', '.join(known)}.")


def _same(field: str, tensor: Tensor, source: Tensor, giver: str) -> None:
    if tensor.dtype is not source.dtype:
        reject(field, tensor.dtype.value, f"{giver} gives {source.name} as {source.dtype.value}",
               "Make the types equal.")  # fmt: skip
    if len(tensor.shape) != len(source.shape) or any(
        a != b and -1 not in (a, b) for a, b in zip(tensor.shape, source.shape, strict=True)
    ):
        reject(field, tensor.shape, f"{giver} gives {source.name} in the shape {source.shape}",
               "Make the shapes equal; -1 fits any length.")  # fmt: skip
