"""The instance catalogue: what each SageMaker instance type holds.

Sources, read 2026-11-21 (t3, m6i and c6i: 2026-11-22): Amazon EC2 User Guide, "Instance type specifications" for
accelerated computing, compute optimized and general purpose (processors, memory, accelerators); "Elastic Fabric Adapter
for AI/ML and HPC workloads on Amazon EC2", supported instance types and "Maximize network bandwidth" (interfaces, RDMA
read). A SageMaker type is the EC2 type behind ``ml.``. Memory of L4 and L40S is what the guide lists, less than the
data sheet's. An entry that is missing here is refused rather than guessed; ml.p6e-gb200 is missing because its hosts
are Arm, as no image here is.
"""

from __future__ import annotations

import difflib
from typing import Any

from ml_contract.accelerators import ACCELERATORS, Accelerator
from ml_contract.errors import reject
from ml_contract.values import value_object

READ_ON = "2026-11-21"
_WITHOUT_LOCAL_STORAGE = frozenset({"c5", "c5n", "c6i", "m5", "m6i", "p3", "t3"})
"""Families of the catalogue whose types have volumes of EBS only."""


@value_object
class InstanceType:
    """One instance type."""

    name: str
    """With its prefix, for example ``ml.p4d.24xlarge``."""
    vcpus: int
    memory_gib: int
    accelerators: int = 0
    """Devices that PyTorch counts; 0 for a CPU type."""
    accelerator: str | None = None
    """Name of the device, for example ``A100-40GB``."""
    accelerator_memory_gib: int = 0
    """Memory of one device."""
    efa_interfaces: int = 0
    """Elastic Fabric Adapters at most; 0 where the type has none."""
    device_rdma: bool = False
    """Whether the adapter reads from and writes to device memory (FI_EFA_USE_DEVICE_RDMA)."""

    @property
    def has_efa(self) -> bool:
        return self.efa_interfaces > 0

    @property
    def has_local_storage(self) -> bool:
        """Whether the type brings NVMe disks, which encrypt themselves: requests with a volume key are refused.

        Source: "Instance store volumes" (EC2 User Guide); CreateTrainingJob, VolumeKmsKeyId, read 2026-11-21.
        """
        return self.name.split(".")[1] not in _WITHOUT_LOCAL_STORAGE

    @property
    def device(self) -> Accelerator | None:
        """What its accelerators are; None on a CPU type."""
        return ACCELERATORS[self.accelerator] if self.accelerator else None

    @property
    def peak_flops(self) -> float | None:
        """Dense bfloat16 peak of one accelerator, operations a second; None where there is none, or it is not known."""
        return self.device.peak_flops if self.device else None

    @property
    def processes(self) -> int:
        """Workers of a training job on one host: one an accelerator, or one on a CPU type."""
        return max(1, self.accelerators)


def _rows(*rows: tuple[Any, ...]) -> dict[str, InstanceType]:
    names = ("name", "vcpus", "memory_gib", "accelerators", "accelerator", "accelerator_memory_gib",
             "efa_interfaces", "device_rdma")  # fmt: skip
    found = (InstanceType(**dict(zip(names, row, strict=False))) for row in rows)
    return {entry.name: entry for entry in found}


# name, vCPUs, memory GiB, accelerators, accelerator, its memory GiB, EFA interfaces, device RDMA
CATALOGUE = _rows(
    ("ml.c5.large", 2, 4),
    ("ml.c5.xlarge", 4, 8),
    ("ml.c5.2xlarge", 8, 16),
    ("ml.c5.4xlarge", 16, 32),
    ("ml.c5.9xlarge", 36, 72),
    ("ml.c5.18xlarge", 72, 144),
    ("ml.c5n.18xlarge", 72, 192, 0, None, 0, 1, False),
    ("ml.c6i.large", 2, 4),
    ("ml.c6i.xlarge", 4, 8),
    ("ml.c6i.2xlarge", 8, 16),
    ("ml.c6i.4xlarge", 16, 32),
    ("ml.c6i.8xlarge", 32, 64),
    ("ml.c6i.12xlarge", 48, 96),
    ("ml.c6i.16xlarge", 64, 128),
    ("ml.c6i.24xlarge", 96, 192),
    ("ml.c6i.32xlarge", 128, 256, 0, None, 0, 1, False),
    ("ml.m5.large", 2, 8),
    ("ml.m5.xlarge", 4, 16),
    ("ml.m5.2xlarge", 8, 32),
    ("ml.m5.4xlarge", 16, 64),
    ("ml.m5.12xlarge", 48, 192),
    ("ml.m5.24xlarge", 96, 384),
    ("ml.m6i.large", 2, 8),
    ("ml.m6i.xlarge", 4, 16),
    ("ml.m6i.2xlarge", 8, 32),
    ("ml.m6i.4xlarge", 16, 64),
    ("ml.m6i.8xlarge", 32, 128),
    ("ml.m6i.12xlarge", 48, 192),
    ("ml.m6i.16xlarge", 64, 256),
    ("ml.m6i.24xlarge", 96, 384),
    ("ml.m6i.32xlarge", 128, 512, 0, None, 0, 1, False),
    ("ml.t3.medium", 2, 4),
    ("ml.t3.large", 2, 8),
    ("ml.t3.xlarge", 4, 16),
    ("ml.t3.2xlarge", 8, 32),
    ("ml.g4dn.xlarge", 4, 16, 1, "T4-16GB", 16),
    ("ml.g4dn.2xlarge", 8, 32, 1, "T4-16GB", 16),
    ("ml.g4dn.4xlarge", 16, 64, 1, "T4-16GB", 16),
    ("ml.g4dn.8xlarge", 32, 128, 1, "T4-16GB", 16, 1, False),
    ("ml.g4dn.12xlarge", 48, 192, 4, "T4-16GB", 16, 1, False),
    ("ml.g4dn.16xlarge", 64, 256, 1, "T4-16GB", 16, 1, False),
    ("ml.g5.xlarge", 4, 16, 1, "A10G-24GB", 24),
    ("ml.g5.2xlarge", 8, 32, 1, "A10G-24GB", 24),
    ("ml.g5.4xlarge", 16, 64, 1, "A10G-24GB", 24),
    ("ml.g5.8xlarge", 32, 128, 1, "A10G-24GB", 24, 1, False),
    ("ml.g5.12xlarge", 48, 192, 4, "A10G-24GB", 24, 1, False),
    ("ml.g5.16xlarge", 64, 256, 1, "A10G-24GB", 24, 1, False),
    ("ml.g5.24xlarge", 96, 384, 4, "A10G-24GB", 24, 1, False),
    ("ml.g5.48xlarge", 192, 768, 8, "A10G-24GB", 24, 1, False),
    ("ml.g6.xlarge", 4, 16, 1, "L4-24GB", 22),
    ("ml.g6.2xlarge", 8, 32, 1, "L4-24GB", 22),
    ("ml.g6.4xlarge", 16, 64, 1, "L4-24GB", 22),
    ("ml.g6.8xlarge", 32, 128, 1, "L4-24GB", 22, 1, False),
    ("ml.g6.12xlarge", 48, 192, 4, "L4-24GB", 22, 1, False),
    ("ml.g6.16xlarge", 64, 256, 1, "L4-24GB", 22, 1, False),
    ("ml.g6.24xlarge", 96, 384, 4, "L4-24GB", 22, 1, False),
    ("ml.g6.48xlarge", 192, 768, 8, "L4-24GB", 22, 1, False),
    ("ml.g6e.xlarge", 4, 32, 1, "L40S-48GB", 44),
    ("ml.g6e.2xlarge", 8, 64, 1, "L40S-48GB", 44),
    ("ml.g6e.4xlarge", 16, 128, 1, "L40S-48GB", 44),
    ("ml.g6e.8xlarge", 32, 256, 1, "L40S-48GB", 44, 1, False),
    ("ml.g6e.12xlarge", 48, 384, 4, "L40S-48GB", 44, 1, False),
    ("ml.g6e.16xlarge", 64, 512, 1, "L40S-48GB", 44, 1, False),
    ("ml.g6e.24xlarge", 96, 768, 4, "L40S-48GB", 44, 2, False),
    ("ml.g6e.48xlarge", 192, 1536, 8, "L40S-48GB", 44, 4, False),
    ("ml.g7.8xlarge", 32, 128, 1, "RTXPRO4500-32GB", 32, 1, False),
    ("ml.g7.12xlarge", 48, 192, 2, "RTXPRO4500-32GB", 32, 1, False),
    ("ml.g7.24xlarge", 96, 384, 4, "RTXPRO4500-32GB", 32, 1, False),
    ("ml.g7.48xlarge", 192, 768, 8, "RTXPRO4500-32GB", 32, 2, False),
    ("ml.g7e.2xlarge", 8, 64, 1, "RTXPRO6000-96GB", 96),
    ("ml.g7e.4xlarge", 16, 128, 1, "RTXPRO6000-96GB", 96),
    ("ml.g7e.8xlarge", 32, 256, 1, "RTXPRO6000-96GB", 96, 1, False),
    ("ml.g7e.12xlarge", 48, 512, 2, "RTXPRO6000-96GB", 96, 1, False),
    ("ml.g7e.24xlarge", 96, 1024, 4, "RTXPRO6000-96GB", 96, 2, False),
    ("ml.g7e.48xlarge", 192, 2048, 8, "RTXPRO6000-96GB", 96, 4, False),
    ("ml.p3.2xlarge", 8, 61, 1, "V100-16GB", 16),
    ("ml.p3.8xlarge", 32, 244, 4, "V100-16GB", 16),
    ("ml.p3.16xlarge", 64, 488, 8, "V100-16GB", 16),
    ("ml.p3dn.24xlarge", 96, 768, 8, "V100-32GB", 32, 1, False),
    ("ml.p4d.24xlarge", 96, 1152, 8, "A100-40GB", 40, 4, True),
    ("ml.p4de.24xlarge", 96, 1152, 8, "A100-80GB", 80, 4, True),
    ("ml.p5.4xlarge", 16, 256, 1, "H100-80GB", 80, 1, False),
    ("ml.p5.48xlarge", 192, 2048, 8, "H100-80GB", 80, 32, True),
    ("ml.p5e.48xlarge", 192, 2048, 8, "H200-141GB", 141, 32, True),
    ("ml.p5en.48xlarge", 192, 2048, 8, "H200-141GB", 141, 16, True),
    ("ml.p6-b200.48xlarge", 192, 2048, 8, "B200-179GB", 179, 8, True),
    ("ml.p6-b300.48xlarge", 192, 4096, 8, "B300-268GB", 268, 16, True),
    ("ml.trn1.2xlarge", 8, 32, 1, "Trainium", 32),
    ("ml.trn1.32xlarge", 128, 512, 16, "Trainium", 32, 8, True),
    ("ml.trn1n.32xlarge", 128, 512, 16, "Trainium", 32, 16, True),
    ("ml.trn2.48xlarge", 192, 2048, 16, "Trainium2", 96, 16, True),
)


def instance(name: str, *, field: str = "instance_type") -> InstanceType:
    """Look up an instance type.

    Args:
        name: With its prefix, for example ``ml.g5.xlarge``.
        field: Name of the user's field, for the error.

    Raises:
        ContractError: The catalogue does not hold it.
    """
    found = CATALOGUE.get(name)
    if found is None:
        close = difflib.get_close_matches(name, CATALOGUE, n=3, cutoff=0.5)
        hint = f"Did you mean {', '.join(close)}?" if close else "Types are written like ml.g5.xlarge."
        reject(field, name, f"the instance catalogue of {READ_ON} does not hold it",
               f"{hint} A new type is one row in ml_contract/instances.py.")  # fmt: skip
    return found
