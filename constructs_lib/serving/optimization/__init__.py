"""Models in smaller or faster forms."""

from constructs_lib.serving.optimization.job import OptimizationJob
from constructs_lib.serving.optimization.settings import Optimization
from constructs_lib.serving.optimization.techniques import (
    Awq,
    Eagle,
    Fp8,
    Neuron,
    Sharding,
    SmoothQuant,
    Technique,
    TensorRtLlm,
)

__all__ = [
    "Awq",
    "Eagle",
    "Fp8",
    "Neuron",
    "Optimization",
    "OptimizationJob",
    "Sharding",
    "SmoothQuant",
    "Technique",
    "TensorRtLlm",
]
