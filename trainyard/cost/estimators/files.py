"""File systems of Amazon FSx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import number, text
from trainyard.cost.lines import Line
from trainyard.cost.templates import Resource


class FileSystem(Estimator):
    """Lustre: capacity at the price of its throughput, metadata operations of one's own, backups.

    Source: Amazon FSx for Lustre pricing: storage by deployment type and throughput, backups by GB, provisioned
    metadata operations above what is included; read 2026-11-22.
    """

    types = ("AWS::FSx::FileSystem",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        properties = resource.properties
        kind = text(properties, "FileSystemType")
        if kind != "LUSTRE":
            yield unknown(f"file system {kind}", "only Lustre is estimated")
            return
        lustre = properties.get("LustreConfiguration") or {}
        deployment = text(lustre, "DeploymentType", "SCRATCH_1")
        storage = text(properties, "StorageType", "SSD")
        if storage == "INTELLIGENT_TIERING":
            why = "bills by throughput, by what is stored in which tier and by requests"
            yield unknown("Lustre, intelligent tiering", why)
            return
        capacity = number(properties, "StorageCapacity")
        item, of = _tier(deployment, storage, lustre)
        yield around.fixed(f"{capacity:,.0f} GiB of Lustre, {of}", item, capacity)
        metadata = lustre.get("MetadataConfiguration") or {}
        if metadata.get("Mode") == "USER_PROVISIONED":
            wanted = number(metadata, "Iops")
            yield around.fixed(f"{wanted:,.0f} metadata operations a second", "fsx/lustre-metadata-iops-month", wanted)
        if number(lustre, "AutomaticBackupRetentionDays", 0) > 0:
            kept = capacity * around.assumptions["fsx_backup_share"]
            yield around.use("backups", "fsx/lustre-backup-gb-month", kept, "fsx_backup_share")


def _tier(deployment: str, storage: str, lustre: Mapping[str, Any]) -> tuple[str, str]:
    """The item of the price table, and for people."""
    if deployment.startswith("SCRATCH"):
        return "fsx/lustre-scratch-gb-month", "scratch"
    throughput = number(lustre, "PerUnitStorageThroughput")
    item = f"fsx/lustre-{deployment.lower()}-{storage.lower()}-{throughput:g}-gb-month"
    return item, f"{deployment.lower().replace('_', ' ')}, {storage}, {throughput:g} MB/s a TiB"
