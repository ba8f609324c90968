"""How fast a file system answers: metadata operations, and the cache in front of tiers.

Sources, read 2026-11-22: MetadataConfiguration and DataReadCacheConfiguration of CreateFileSystem, Amazon FSx API
reference; "Lustre metadata performance configuration" (operations of the automatic mode by capacity; a metadata server
for every 12,000), FSx for Lustre User Guide.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

from aws_cdk import aws_fsx as fsx
from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract.errors import reject

IOPS_OF_A_SERVER = 12000
"""Metadata operations a second of one metadata server."""
MOST_IOPS = 192000
_STEPS = (1500, 3000, 6000, *range(IOPS_OF_A_SERVER, MOST_IOPS + 1, IOPS_OF_A_SERVER))
CACHE_GIB = (32, 131072)
"""Least and most read cache for each storage server of an Intelligent-Tiering file system."""


class Metadata(Value):
    """How many metadata operations a second an SSD file system has."""

    @abstractmethod
    def iops(self, capacity_gib: int) -> int:
        """Operations a second.

        Args:
            capacity_gib: Of the file system.
        """

    @abstractmethod
    def render(self) -> fsx.CfnFileSystem.MetadataConfigurationProperty:
        """MetadataConfiguration."""


class AutomaticMetadata(Metadata):
    """As many as go with the capacity; they come with its price."""

    def iops(self, capacity_gib: int) -> int:
        for most, found in ((1200, 1500), (2400, 3000), (9600, 6000), (45600, 12000)):
            if capacity_gib <= most:
                return found
        return min(MOST_IOPS, IOPS_OF_A_SERVER * (1 + capacity_gib // 24000))

    def render(self) -> fsx.CfnFileSystem.MetadataConfigurationProperty:
        return fsx.CfnFileSystem.MetadataConfigurationProperty(mode="AUTOMATIC")


class ProvisionedMetadata(Metadata):
    """As many as are paid for: for jobs that make and open very many small files."""

    operations: int
    """1500, 3000, 6000, 12000, or a multiple of 12000 up to 192000."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.operations not in _STEPS:
            reject("operations", self.operations, f"it is 1500, 3000, 6000, or a multiple of 12000 up to {MOST_IOPS}",
                   f"Take {self._next}.")  # fmt: skip
        return self

    @property
    def _next(self) -> int:
        return next((step for step in _STEPS if step >= self.operations), MOST_IOPS)

    def iops(self, capacity_gib: int) -> int:  # noqa: ARG002  (what is paid for does not depend on the capacity)
        return self.operations

    def render(self) -> fsx.CfnFileSystem.MetadataConfigurationProperty:
        return provisioned(self.operations)


class ReadCache(Value):
    """SSD in front of the tiers."""

    @abstractmethod
    def render(self, servers: int) -> fsx.CfnFileSystem.DataReadCacheConfigurationProperty:
        """DataReadCacheConfiguration.

        Args:
            servers: Storage servers of the file system.
        """


class NoCache(ReadCache):
    """Every read comes from a tier."""

    def render(self, servers: int) -> fsx.CfnFileSystem.DataReadCacheConfigurationProperty:  # noqa: ARG002  (no cache has no size)
        return fsx.CfnFileSystem.DataReadCacheConfigurationProperty(sizing_mode="NO_CACHE")


class ProportionalCache(ReadCache):
    """As much as goes with the throughput."""

    def render(self, servers: int) -> fsx.CfnFileSystem.DataReadCacheConfigurationProperty:  # noqa: ARG002  (FSx counts the servers)
        return fsx.CfnFileSystem.DataReadCacheConfigurationProperty(sizing_mode="PROPORTIONAL_TO_THROUGHPUT_CAPACITY")


class ProvisionedCache(ReadCache):
    """A cache of the size of the data that is read again and again."""

    gib: int = Field(ge=1)
    """Size, 32 to 131072 GiB for each 4000 MB/s of throughput."""

    def render(self, servers: int) -> fsx.CfnFileSystem.DataReadCacheConfigurationProperty:
        least, most = (servers * bound for bound in CACHE_GIB)
        if not least <= self.gib <= most:
            reject("cache.gib", self.gib, f"with {servers} storage servers it is {least} to {most} GiB",
                   "Take a size between them, or another throughput.")  # fmt: skip
        return fsx.CfnFileSystem.DataReadCacheConfigurationProperty(sizing_mode="USER_PROVISIONED", size_gib=self.gib)


def provisioned(operations: int) -> fsx.CfnFileSystem.MetadataConfigurationProperty:
    """MetadataConfiguration with a number of operations a second."""
    return fsx.CfnFileSystem.MetadataConfigurationProperty(mode="USER_PROVISIONED", iops=operations)
