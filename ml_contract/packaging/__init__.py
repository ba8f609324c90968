"""How a trained artifact becomes what the model server loads."""

from ml_contract.packaging.batching import DynamicBatching, LevelPolicy, Priorities, QueuePolicy
from ml_contract.packaging.engine import Lengths, TensorRtEngine
from ml_contract.packaging.instances import CpuInstances, GpuInstances
from ml_contract.packaging.optimization import Int8, TensorRtAccelerator
from ml_contract.packaging.options import ARCHIVE, PackageOptions, Parameter, PartOptions
from ml_contract.packaging.warmup import Warmup

__all__ = [
    "ARCHIVE", "CpuInstances", "DynamicBatching", "GpuInstances", "Int8", "Lengths", "LevelPolicy", "PackageOptions",
    "Parameter", "PartOptions", "Priorities", "QueuePolicy", "TensorRtAccelerator", "TensorRtEngine", "Warmup",
]  # fmt: skip
