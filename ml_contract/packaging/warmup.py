"""Warm-up: requests that the server makes itself before it says that a model is ready.

Names as in Triton's model configuration (message ModelWarmup of model_config.proto, read 2026-11).
"""

from __future__ import annotations

from ml_contract.checks import between
from ml_contract.errors import reject
from ml_contract.values import value_object


@value_object
class Warmup:
    """One kind of request."""

    batch_size: int = 1
    """Rows of the request."""
    count: int = 1
    """How often it is made."""
    length: int = 1
    """What stands for each dimension of any length."""
    random: tuple[str, ...] = ()
    """Inputs that get random numbers; the others get zeros. Random integers are of the type's whole range, so they
    suit pixels and do not suit tokens."""

    def __post_init__(self) -> None:
        between("batch_size", self.batch_size, 1, 2**20)
        between("count", self.count, 1, 10_000)
        between("length", self.length, 1, 2**20)
        if len(set(self.random)) < len(self.random):
            reject("random", self.random, "an input comes once", f"Write {sorted(set(self.random))}.")
