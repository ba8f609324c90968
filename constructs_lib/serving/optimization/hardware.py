"""Where optimised models may run.

Sources, read 2026-11-21: CreateOptimizationJob, DeploymentInstanceType, SageMaker API reference (the list, as in
botocore's model); "Inf2 Architecture" and "Trn1 Architecture", Neuron documentation (cores: two a device).
"""

from __future__ import annotations

from ml_contract.errors import reject
from ml_contract.instances import CATALOGUE

_SIZES = {
    "p4d": ("24xlarge",),
    "p4de": ("24xlarge",),
    "p5": ("48xlarge",),
    "p5e": ("48xlarge",),
    "p5en": ("48xlarge",),
    "p6-b200": ("48xlarge",),
    "g4dn": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"),
    "g5": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"),
    "g6": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"),
    "g6e": ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge"),
    "g7": ("2xlarge", "4xlarge", "8xlarge", "12xlarge", "24xlarge", "48xlarge"),
    "g7e": ("2xlarge", "4xlarge", "8xlarge", "12xlarge", "24xlarge", "48xlarge"),
}
GPU_TYPES = frozenset(f"ml.{family}.{size}" for family, sizes in _SIZES.items() for size in sizes)
NEURON_CORES = {
    "ml.inf2.xlarge": 2,
    "ml.inf2.8xlarge": 2,
    "ml.inf2.24xlarge": 12,
    "ml.inf2.48xlarge": 24,
    "ml.trn1.2xlarge": 2,
    "ml.trn1.32xlarge": 32,
    "ml.trn1n.32xlarge": 32,
}
"""Neuron types and their cores."""


def check_type(instance_type: str) -> None:
    """Refuse a type for which SageMaker optimises nothing.

    Raises:
        ContractError: It is none of the API's list.
    """
    if instance_type not in GPU_TYPES and instance_type not in NEURON_CORES:
        families = ", ".join(dict.fromkeys(name.split(".")[1] for name in sorted(GPU_TYPES | set(NEURON_CORES))))
        reject("instance_type", instance_type, "optimisation jobs know no such type",
               f"Their families are {families}.")  # fmt: skip


def cores(instance_type: str) -> int | None:
    """GPUs or Neuron cores over which a model can be split; None where the catalogue does not hold the type."""
    if instance_type in NEURON_CORES:
        return NEURON_CORES[instance_type]
    found = CATALOGUE.get(instance_type)
    return found.accelerators if found else None
