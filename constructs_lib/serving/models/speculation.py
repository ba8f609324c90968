"""Speculative decoding: something cheap guesses tokens, and the model checks several of them in one step.

Source: SpeculativeConfig of vLLM 0.32; "Advanced vLLM Configurations", djl-serving at d21927c; read 2026-11-21.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject


class Speculation(Value):
    """Who guesses, and how far ahead."""

    tokens: int = Field(ge=1, le=32)
    """Tokens guessed a step. More cost more when the guesses are wrong."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Value of ``speculative_config``."""

    def check(self, tensor_parallel: int) -> None:
        """Refuse what cannot be sharded like the model.

        Raises:
            ContractError: It cannot.
        """


class NgramSpeculation(Speculation):
    """Guesses from what the prompt said before: no second model, and good where the answer repeats the prompt."""

    longest: int = Field(default=4, ge=1, le=32)
    """Tokens of the longest phrase that is looked up."""
    shortest: int = Field(default=2, ge=1, le=32)
    """Tokens of the shortest."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.shortest > self.longest:
            reject("shortest", self.shortest, f"it is at most longest, {self.longest}", "Swap the two.")
        return self

    def render(self) -> dict[str, Any]:
        return {
            "method": "ngram",
            "num_speculative_tokens": self.tokens,
            "prompt_lookup_max": self.longest,
            "prompt_lookup_min": self.shortest,
        }


class OwnHeadsSpeculation(Speculation):
    """Guesses by heads that the model itself was trained with (multi-token prediction), such as DeepSeek's."""

    def render(self) -> dict[str, Any]:
        return {"method": "mtp", "num_speculative_tokens": self.tokens}


class DraftSpeculation(Speculation):
    """Guesses by a second model: a small one of the same family, or heads that were trained for the first."""

    method: Literal["draft_model", "eagle", "eagle3", "medusa", "mlp_speculator"] = "draft_model"
    """What the second model is."""
    model: str = Field(min_length=1, max_length=1000)
    """Its name on the Hugging Face hub, or a folder in the container such as ``/opt/ml/model/draft``."""
    tensor_parallel: int | None = Field(default=None, ge=1)
    """GPUs over which the second model is sharded; as the first by default."""

    def check(self, tensor_parallel: int) -> None:
        if self.tensor_parallel not in (None, 1, tensor_parallel):
            reject("speculation.tensor_parallel", self.tensor_parallel,
                   f"a draft runs on one GPU or is sharded like the model, over {tensor_parallel}",
                   f"Give 1 or {tensor_parallel}.")  # fmt: skip

    @property
    def is_remote(self) -> bool:
        """Whether the container must fetch it from the hub."""
        return not self.model.startswith("/")

    def render(self) -> dict[str, Any]:
        found: dict[str, Any] = {"method": self.method, "model": self.model, "num_speculative_tokens": self.tokens}
        if self.tensor_parallel is not None:
            found["draft_tensor_parallel_size"] = self.tensor_parallel
        return found
