"""What FSx refuses of a file system for Lustre, and what the embedded cloud refuses beside it.

Sources, read 2026-11-22: CreateFileSystem and UpdateFileSystem, Amazon FSx API reference; "Working with EFA-enabled
file systems" and "Managing storage capacity", FSx for Lustre User Guide.
"""

from collections.abc import Mapping
from typing import Any

from trainyard.local.api.errors import ServiceError, unsupported

_THROUGHPUTS = (125, 250, 500, 1000)
_EFA_STEPS = dict(zip(_THROUGHPUTS, (38400, 19200, 9600, 4800), strict=True))
_FOLDER = "Here a file system is a folder of this machine. Leave it out for this environment."
_NOT_RUN = (
    "ImportPath", "ExportPath", "ImportedFileChunkSize", "AutoImportPolicy", "AutomaticBackupRetentionDays",
    "DailyAutomaticBackupStartTime", "CopyTagsToBackups", "DriveCacheType", "LogConfiguration",
    "RootSquashConfiguration", "ThroughputCapacity", "DataReadCacheConfiguration",
)  # fmt: skip


def refused(message: str) -> ServiceError:
    """FSx's answer to a request that breaks a rule."""
    return ServiceError("BadRequest", message)


def check(request: Mapping[str, Any]) -> None:
    """Refuse a file system.

    Args:
        request: As CreateFileSystem takes it.

    Raises:
        ServiceError: With the field and what it may be.
    """
    if request["FileSystemType"] != "LUSTRE":
        raise unsupported("FileSystemType", request["FileSystemType"], "Take LUSTRE.")
    if request.get("StorageType", "SSD") != "SSD":
        raise unsupported("StorageType", request["StorageType"], "Take SSD.")
    lustre: Mapping[str, Any] = request.get("LustreConfiguration", {})
    for name in _NOT_RUN:
        if name in lustre:
            raise unsupported(f"LustreConfiguration.{name}", lustre[name], _FOLDER)
    match lustre.get("DeploymentType"):
        case "SCRATCH_2":
            _check_scratch(request, lustre)
        case "PERSISTENT_2":
            _check_persistent(request, lustre)
        case other:
            raise unsupported("LustreConfiguration.DeploymentType", other, "Take SCRATCH_2 or PERSISTENT_2.")


def _check_scratch(request: Mapping[str, Any], lustre: Mapping[str, Any]) -> None:
    for name in ("PerUnitStorageThroughput", "MetadataConfiguration"):
        if name in lustre:
            raise refused(f"{name} is not supported for SCRATCH_2 file systems. Leave it out.")
    if lustre.get("EfaEnabled"):
        raise refused("EFA is only supported for PERSISTENT_2 filesystems with metadata configuration")
    if "KmsKeyId" in request:
        raise refused("KmsKeyId is not supported for SCRATCH_2 file systems. Leave it out.")
    _check_capacity(request.get("StorageCapacity"), 2400)


def _check_persistent(request: Mapping[str, Any], lustre: Mapping[str, Any]) -> None:
    throughput = lustre.get("PerUnitStorageThroughput")
    if throughput not in _THROUGHPUTS:
        raise refused(f"PerUnitStorageThroughput: got {throughput}, but PERSISTENT_2 with SSD takes {_THROUGHPUTS}")
    metadata: Mapping[str, Any] = lustre.get("MetadataConfiguration", {})
    if (metadata.get("Mode") == "USER_PROVISIONED") != ("Iops" in metadata):
        raise refused("MetadataConfiguration: Iops goes with the mode USER_PROVISIONED, and with no other")
    if metadata and request.get("FileSystemTypeVersion", "2.15") != "2.15":
        raise refused("FileSystemTypeVersion: a metadata configuration wants 2.15")
    if not lustre.get("EfaEnabled"):
        _check_capacity(request.get("StorageCapacity"), 2400)
        return
    if not metadata:
        raise refused("EFA is only supported for PERSISTENT_2 filesystems with metadata configuration")
    capacity, step = request.get("StorageCapacity") or 0, _EFA_STEPS[throughput]
    if capacity < step or capacity % step:
        raise refused(f"StorageCapacity: got {capacity}, but with EFA at {throughput} it is a multiple of {step}")


def _check_capacity(capacity: int | None, step: int) -> None:
    if capacity != step // 2 and (not capacity or capacity % step):
        raise refused(f"StorageCapacity: got {capacity}, but it is {step // 2}, {step}, or a multiple of {step}")


def check_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse a change of a file system.

    Args:
        before: The request that made it.
        after: The same with the changes.

    Raises:
        ServiceError: It shrinks, or changes what never changes.
    """
    check(after)
    if after["StorageCapacity"] < before["StorageCapacity"]:
        raise refused(f"StorageCapacity: it is {before['StorageCapacity']}, and capacity can only grow")
    old, new = before["LustreConfiguration"], after["LustreConfiguration"]
    if old.get("EfaEnabled") and old["PerUnitStorageThroughput"] != new["PerUnitStorageThroughput"]:
        raise refused("PerUnitStorageThroughput: an EFA-enabled file system keeps its throughput tier")
