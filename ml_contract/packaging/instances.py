"""Instances: copies of a model that run at once, and where.

Names as in Triton's model configuration (message ModelInstanceGroup of model_config.proto, read 2026-11).
"""

from __future__ import annotations

from ml_contract.checks import at_least, between
from ml_contract.errors import reject
from ml_contract.values import value_object

_MOST = 1024


@value_object
class CpuInstances:
    """Copies on the CPU."""

    kind = "cpu"
    count: int = 1
    """Copies that run at once."""

    def __post_init__(self) -> None:
        between("count", self.count, 1, _MOST)


@value_object
class GpuInstances:
    """Copies on GPUs."""

    kind = "gpu"
    count: int = 1
    """Copies that run at once on each GPU."""
    gpus: tuple[int, ...] = ()
    """Numbers of the GPUs that have copies, from 0; empty takes all."""

    def __post_init__(self) -> None:
        between("count", self.count, 1, _MOST)
        for gpu in self.gpus:
            at_least("gpus", gpu, 0)
        if len(set(self.gpus)) < len(self.gpus):
            reject("gpus", self.gpus, "a GPU comes once", f"Write {sorted(set(self.gpus))}.")
