"""What a file system on SSD is made of: how durable, how large, how fast.

Sources, read 2026-11-22: StorageCapacity and LustreConfiguration of CreateFileSystem, Amazon FSx API reference; "Step
1: Create your FSx for Lustre file system" (capacity steps of EFA-enabled ones), "Working with EFA-enabled file
systems", "IP addresses for file systems" (one a storage server and one a metadata server), FSx for Lustre User Guide.
SCRATCH_1 and PERSISTENT_1 are older, and have nothing that these three have not.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.lustre.performance import IOPS_OF_A_SERVER, AutomaticMetadata, Metadata
from constructs_lib.values import Value
from ml_contract.errors import reject

STEP_GIB = 2400
"""Capacity of one storage server, and the step after the two smallest sizes, 1200 and 2400."""
EFA_STEP_GIB = {125: 38400, 250: 19200, 500: 9600, 1000: 4800}
"""The same of an EFA-enabled file system, by its throughput in MB/s/TiB."""

Gibibytes = Annotated[int, Field(ge=1200)]


class Deployment(Value):
    """What a file system is made of."""

    backed_up: ClassVar[bool] = True
    """Whether FSx takes backups of it."""
    linkable: ClassVar[bool] = True
    """Whether S3 can be linked to its directories."""
    own_key: ClassVar[bool] = True
    """Whether it can be encrypted with a key of the account."""

    @property
    def efa_enabled(self) -> bool:
        """Whether clients reach it by Elastic Fabric Adapters too."""
        return False

    @property
    @abstractmethod
    def fixed(self) -> str:
        """What never changes of it, as a word. It is part of the logical id, as neither CloudFormation's schema nor the
        difference of two templates says that such a change replaces the file system, with what it holds."""

    @property
    @abstractmethod
    def capacity(self) -> int | None:
        """GiB that it has; None where it grows with what is stored."""

    @property
    @abstractmethod
    def addresses(self) -> int:
        """Addresses that its servers take in the subnet."""

    @abstractmethod
    def file_system(self) -> dict[str, Any]:
        """Properties of the file system, by the names of CDK."""

    @abstractmethod
    def lustre(self) -> dict[str, Any]:
        """Properties of its Lustre configuration, by the names of CDK."""


class Scratch2(Deployment):
    """One copy, for data that lies elsewhere too: a server that fails takes its files with it.

    Its throughput is 200 MB/s for each TiB, with bursts above.
    """

    capacity_gib: Gibibytes
    """1200, 2400, or a multiple of 2400."""

    backed_up: ClassVar[bool] = False
    own_key: ClassVar[bool] = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_capacity(self.capacity_gib)
        return self

    @property
    def fixed(self) -> str:
        return "Scratch"

    @property
    def capacity(self) -> int:
        return self.capacity_gib

    @property
    def addresses(self) -> int:
        return -(-self.capacity_gib // STEP_GIB) + 1

    def file_system(self) -> dict[str, Any]:
        return {"storage_capacity": self.capacity_gib, "storage_type": "SSD"}

    def lustre(self) -> dict[str, Any]:
        return {"deployment_type": "SCRATCH_2"}


class Persistent2(Deployment):
    """Two copies in one zone on SSD, with servers that are replaced."""

    capacity_gib: Gibibytes
    """1200, 2400, or a multiple of 2400; with EFA a multiple of 4800, 9600, 19200 or 38400 at 1000, 500, 250 or 125."""
    throughput: Literal[125, 250, 500, 1000]
    """MB/s for each TiB; it is most of the price, and with EFA it never changes."""
    metadata: SerializeAsAny[Metadata] = AutomaticMetadata()
    """``ProvisionedMetadata(…)``, or ``AutomaticMetadata()``: as many operations as go with the capacity, which is the
    default."""
    efa: bool
    """Whether nodes reach it by EFA, and GPUs by GPUDirect Storage. It never changes: another value is another file
    system. It wants the zone of the nodes and a block of theirs."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.efa:
            step = EFA_STEP_GIB[self.throughput]
            if self.capacity_gib % step:
                reject("capacity_gib", self.capacity_gib, f"with EFA at {self.throughput} MB/s/TiB a storage server "
                       f"has {step} GiB", f"Take {-(-self.capacity_gib // step) * step}, or a higher throughput, whose "
                       "servers are smaller.")  # fmt: skip
        else:
            _check_capacity(self.capacity_gib)
        return self

    @property
    def efa_enabled(self) -> bool:
        return self.efa

    @property
    def fixed(self) -> str:
        return f"PersistentEfa{self.throughput}" if self.efa else "Persistent"

    @property
    def capacity(self) -> int:
        return self.capacity_gib

    @property
    def addresses(self) -> int:
        step = EFA_STEP_GIB[self.throughput] if self.efa else STEP_GIB
        return -(-self.capacity_gib // step) + -(-self.metadata.iops(self.capacity_gib) // IOPS_OF_A_SERVER)

    def file_system(self) -> dict[str, Any]:
        # 2.15 is the one version that goes with a metadata configuration.
        return {"storage_capacity": self.capacity_gib, "storage_type": "SSD", "file_system_type_version": "2.15"}

    def lustre(self) -> dict[str, Any]:
        return {
            "deployment_type": "PERSISTENT_2",
            "per_unit_storage_throughput": self.throughput,
            "metadata_configuration": self.metadata.render(),
            "efa_enabled": self.efa,
        }


def _check_capacity(capacity_gib: int) -> None:
    if capacity_gib != STEP_GIB // 2 and capacity_gib % STEP_GIB:
        reject("capacity_gib", capacity_gib, f"it is {STEP_GIB // 2}, {STEP_GIB}, or a multiple of {STEP_GIB}",
               f"Take {-(-capacity_gib // STEP_GIB) * STEP_GIB}.")  # fmt: skip
