"""A file system that is paid by what is stored.

Sources, read 2026-11-22: LustreConfiguration of CreateFileSystem (ThroughputCapacity), Amazon FSx API reference;
"Working with EFA-enabled file systems", FSx for Lustre User Guide.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from constructs_lib.lustre.deployment import Deployment
from constructs_lib.lustre.performance import ReadCache, provisioned
from ml_contract.errors import reject

STEP_MBPS = 4000
"""Throughput of one storage server."""


class IntelligentTiering(Deployment):
    """Elastic, paid by what is stored, with cold data in cheaper tiers; S3 cannot be linked to it."""

    throughput_mbps: int = Field(ge=STEP_MBPS, le=2_000_000)
    """MB/s of the whole file system, a multiple of 4000. It can grow, and never shrink."""
    metadata_operations: Literal[6000, 12000]
    """Metadata operations a second."""
    cache: SerializeAsAny[ReadCache]
    """SSD in front of the tiers, at its price: ``NoCache()``, ``ProportionalCache()`` or ``ProvisionedCache(…)``."""
    efa: bool
    """Whether nodes reach it by EFA; it never changes."""

    linkable: ClassVar[bool] = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.throughput_mbps % STEP_MBPS:
            reject("throughput_mbps", self.throughput_mbps, f"it is a multiple of {STEP_MBPS}",
                   f"Take {-(-self.throughput_mbps // STEP_MBPS) * STEP_MBPS}.")  # fmt: skip
        self.cache.render(self._servers)
        return self

    @property
    def _servers(self) -> int:
        return self.throughput_mbps // STEP_MBPS

    @property
    def efa_enabled(self) -> bool:
        return self.efa

    @property
    def fixed(self) -> str:
        return "TieringEfa" if self.efa else "Tiering"

    @property
    def capacity(self) -> None:
        return None

    @property
    def addresses(self) -> int:
        return self._servers + 1

    def file_system(self) -> dict[str, Any]:
        return {"storage_type": "INTELLIGENT_TIERING", "file_system_type_version": "2.15"}

    def lustre(self) -> dict[str, Any]:
        return {
            "deployment_type": "PERSISTENT_2",
            "throughput_capacity": self.throughput_mbps,
            "metadata_configuration": provisioned(self.metadata_operations),
            "data_read_cache_configuration": self.cache.render(self._servers),
            "efa_enabled": self.efa,
        }
